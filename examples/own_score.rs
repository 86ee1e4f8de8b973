//! A score of one's own, trained, saved, loaded and translated with: Targum's whole command line, which knows one score more.
//!
//! ```sh
//! cargo run --release --example own_score -- data synth
//! cargo run --release --example own_score -- train configs/demo.toml --out checkpoints/nearness --set 'model.recurrent.attention.score={custom="nearness"}'
//! cargo run --release --example own_score -- translate --model checkpoints/nearness data/synth/test.en
//! ```

use std::process::ExitCode;

use anyhow::{Result, ensure};
use targum::attention::{AttentionOptions, CustomScore, register_score};
use targum::nn::{Initialization, Linear, Scope, Weight};
use tch::Tensor;

targum::answer_mkl!();

/// -γ |W q + b - k|²: the nearer the key is to where the query points, the better.
struct Nearness {
    /// W [D, D'] and b [D].
    query: Linear,
    /// γ [1].
    sharpness: Weight,
}

impl Nearness {
    fn make(scope: &Scope, options: &AttentionOptions) -> Result<Box<dyn CustomScore>> {
        ensure!(options.keys >= 1, "nearness needs keys of 1 or more numbers, found {}", options.keys);
        Ok(Box::new(Nearness {
            query: Linear::new(scope.sub("query"), options.query, options.keys, options.initialization),
            sharpness: scope.tensor("sharpness", &[1], Initialization::Constant(0.5)),
        }))
    }
}

impl CustomScore for Nearness {
    /// Once a source: keys [B, S, D] with their squares behind them [B, S, D + 1].
    fn prepare(&self, keys: &Tensor) -> Tensor {
        Tensor::cat(&[keys, &keys.square().sum_dim_intlist([-1i64].as_slice(), true, keys.kind())], -1)
    }

    /// Energies [B, Q, S]; |W q|² is the same for all keys and makes no difference to a softmax.
    fn energy(&self, query: &Tensor, keys: &Tensor) -> Tensor {
        let size = keys.size()[2] - 1;
        let (vectors, squares) = (keys.narrow(2, 0, size), keys.narrow(2, size, 1)); // [B, S, D], [B, S, 1]
        let products = self.query.forward(query).matmul(&vectors.transpose(1, 2)); // [B, Q, S]
        (products * 2.0 - squares.transpose(1, 2)) * &*self.sharpness
    }
}

fn main() -> ExitCode {
    register_score("nearness", Nearness::make);
    targum::cli::main()
}
