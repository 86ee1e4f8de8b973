//! A Neural Turing Machine of one's own: made from its parts, run over sequences, and asked where its heads stood.
//!
//!     cargo run --release --example ntm

use targum::memory::{MachineOptions, MemoryMachine, Tape, TapeOptions};
use targum::nn::Parameters;
use targum::recipe::ControllerKind;
use tch::{Device, Kind, Tensor};

fn main() {
    let parameters = Parameters::new(1, Device::Cpu);
    let scope = parameters.root();
    let sizes = TapeOptions { slots: 16, width: 8, read_heads: 1, write_heads: 1, shift: 1, learned_start: false };
    let tape = Tape::new(&scope.sub("tape"), sizes);
    // Any memory would do here: targum::memory::{Line, Set, Tree}, or a type that implements `Memory`.
    let options = MachineOptions { input: 4, controller: ControllerKind::Lstm, hidden: 32, output: 4 };
    let machine = MemoryMachine::new(&scope, &options, Box::new(tape));

    // Two sequences of five inputs: [B, T, inputs] to [B, T, outputs].
    let inputs = Tensor::rand([2, 5, 4], (Kind::Float, Device::Cpu));
    let (answers, weightings) = machine.run(&inputs);
    println!("answers: {:?}", answers.size());
    for (step, heads) in weightings.iter().enumerate() {
        let slot = heads.write.get(0).get(0).argmax(0, false).int64_value(&[]);
        println!("step {step}: the first sequence writes most to slot {slot}");
    }
    // Everything has gradients: hand `parameters.named()` to an optimizer.
    answers.square().mean(Kind::Float).backward();
    println!("{} tensors to train", parameters.named().len());
}
