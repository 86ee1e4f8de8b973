//! Learns to point at the largest or at the smallest of some numbers, as it is asked: `cargo run --release --example pointer`.

use anyhow::Result;
use targum::attention::{Pointer, PointerOptions};
use targum::nn::{Initialization, Parameters};
use targum::recipe::ScoreKind;
use tch::{Device, Kind, Tensor, no_grad};

fn main() -> Result<()> {
    let options = (Kind::Float, Device::Cpu);
    let store = Parameters::new(1, Device::Cpu);
    let sizes =
        PointerOptions { score: ScoreKind::General, size: 1, query: 1, keys: 1, initialization: Initialization::Normal(0.1) };
    let pointer = Pointer::new(store.root(), &sizes)?;

    // Two queries of each row [B, 2, 1]: 1 asks for the largest number, -1 for the smallest. Of the last numbers one is hidden.
    let queries = Tensor::from_slice(&[1f32, -1.0]).reshape([1, 2, 1]);
    let keep = Tensor::from_slice(&[true, true, true, true, false]).unsqueeze(0);
    for step in 1..=200 {
        let numbers = Tensor::rand([64, 5, 1], options);
        let shown = numbers.squeeze_dim(2).narrow(1, 0, 4);
        let wanted = Tensor::stack(&[shown.argmax(1, false), shown.argmin(1, false)], 1).unsqueeze(2);
        let prepared = pointer.prepare(&numbers, &keep.expand([64, 5], false));
        let logs = pointer.log_probabilities(&queries.expand([64, 2, 1], false), &prepared);
        let loss = -logs.gather(2, &wanted, false).mean(Kind::Float);
        loss.backward();
        for (_, mut parameter) in store.named() {
            no_grad(|| {
                parameter -= parameter.grad() * 20.0;
                let _ = parameter.grad().zero_();
            });
        }
        if step % 50 == 0 {
            println!("step {step}: loss {:.3}", loss.double_value(&[]));
        }
    }

    let numbers = Tensor::from_slice(&[0.2f32, 0.9, 0.5, 0.1, 1.0]).reshape([1, 5, 1]);
    let weights = no_grad(|| pointer.weights(&queries, &pointer.prepare(&numbers, &keep)));
    println!("of 0.2, 0.9, 0.5, 0.1 and a hidden 1.0:");
    for (what, row) in ["the largest", "the smallest"].iter().zip(Vec::<Vec<f32>>::try_from(weights.squeeze_dim(0))?) {
        println!("{what}: {row:.2?}");
    }
    Ok(())
}
