//! A memory network learns who is where: `cargo run --release --example memn2n`.

use targum::memory::memn2n::{MemN2N, MemN2NOptions, MemoryWeighting, Story};
use targum::nn::{Initialization, Parameters};
use targum::recipe::{TableTying, WordEncoding};
use tch::{Device, Kind, Reduction, Tensor, no_grad};

const WORDS: [&str; 9] = ["(padding)", "Ada", "Ben", "Cem", "is", "in", "attic", "mill", "harbour"];

fn main() {
    let parameters = Parameters::new(1, Device::Cpu);
    let options = MemN2NOptions {
        vocabulary: WORDS.len() as i64,
        size: 20,
        hops: 2,
        linear_map: true,
        tying: TableTying::Adjacent,
        encoding: WordEncoding::Position,
        slots: 3,
        temporal: true,
        rectified: false,
        initialization: Initialization::Normal(0.1),
    };
    let model = MemN2N::new(parameters.root(), &options);

    // Everybody in some place, told in any order: ids of 64 stories [64, 3, 4], questions "Who?" [64, 1], answers [64].
    let number = (Kind::Int64, Device::Cpu);
    let who = Tensor::rand([64, 3], (Kind::Float, Device::Cpu)).argsort(1, false) + 1;
    let place = Tensor::randint_low(6, 9, [64, 3], number);
    let (is, into) = (Tensor::full([64, 3], 4, number), Tensor::full([64, 3], 5, number));
    let story = Story {
        sentences: Tensor::stack(&[&who, &is, &into, &place], 2),
        keep: Tensor::ones([64, 3], (Kind::Bool, Device::Cpu)),
    };
    let told = Tensor::randint(3, [64, 1], number);
    let (question, answer) = (who.gather(1, &told, false), place.gather(1, &told, false).squeeze_dim(1));

    for step in 0..=300 {
        let read = model.read(&story, &question, MemoryWeighting::Softmax);
        let loss = model.answer(&read.state).cross_entropy_loss::<Tensor>(&answer, None, Reduction::Mean, -100, 0.0);
        if step % 100 == 0 {
            println!("step {step}: loss {:.4}", loss.double_value(&[]));
        }
        parameters.named().iter_mut().for_each(|(_, parameter)| parameter.zero_grad());
        loss.backward();
        no_grad(|| {
            for (_, mut parameter) in parameters.named() {
                parameter -= parameter.grad() * 1.0;
            }
        });
    }

    let read = model.read(&story, &question, MemoryWeighting::Softmax);
    println!("\nWhere is {}?", WORDS[question.int64_value(&[0, 0]) as usize]);
    for slot in 0..3 {
        let words = [0, 1, 2, 3].map(|place| WORDS[story.sentences.int64_value(&[0, slot, place]) as usize]);
        let looks: Vec<String> = read.weights.iter().map(|hop| format!("{:.2}", hop.double_value(&[0, slot]))).collect();
        println!("{:22} {}", words.join(" "), looks.join("  "));
    }
    println!("{}", WORDS[model.answer(&read.state).get(0).argmax(0, false).int64_value(&[]) as usize]);
}
