//! Attention with scores and choices of one's own: `cargo run --release --example custom_score`.

use anyhow::Result;
use targum::attention::{Attention, Choice, CustomScore, QuerySteps, Score};
use targum::nn::{Initialization, Parameters, Weight, masked_softmax};
use tch::{Device, Kind, Tensor};

/// -γ |q - k|²: the nearer the key, the better. γ can be learned, and the keys' squares are worked out once a source.
struct Nearness {
    sharpness: Weight,
}

impl CustomScore for Nearness {
    fn prepare(&self, keys: &Tensor) -> Tensor {
        Tensor::cat(&[keys, &keys.square().sum_dim_intlist([-1i64].as_slice(), true, keys.kind())], -1)
    }

    fn energy(&self, query: &Tensor, keys: &Tensor) -> Tensor {
        let size = query.size()[2];
        let (vectors, squares) = (keys.narrow(2, 0, size), keys.narrow(2, size, 1));
        // |q|² is the same for all keys and makes no difference to a softmax.
        (query.matmul(&vectors.transpose(1, 2)) * 2.0 - squares.transpose(1, 2)) * &*self.sharpness
    }
}

fn main() -> Result<()> {
    // One source of four keys [1, 4, 2] on a line, the last of which is padding; a value [1, 4, 1] for each.
    let keys = Tensor::from_slice(&[0f32, 0.0, 1.0, 0.0, 2.0, 0.0, 1.1, 0.0]).reshape([1, 4, 2]);
    let values = Tensor::from_slice(&[10f32, 20.0, 30.0, 99.0]).reshape([1, 4, 1]);
    let keep = Tensor::from_slice(&[true, true, true, false]).unsqueeze(0);
    let lengths = Tensor::from_slice(&[3f32]).unsqueeze(1);
    let query = Tensor::from_slice(&[1.2f32, 0.0]).reshape([1, 1, 2]);

    let store = Parameters::new(1, Device::Cpu);
    let nearness = || Score::custom(Nearness { sharpness: Tensor::from(2f32).into() });
    let learned = Score::custom(Nearness { sharpness: store.root().tensor("sharpness", &[1], Initialization::Constant(0.5)) });
    // A function is a score too, and so it is a choice.
    let cosine = Score::custom(|query: &Tensor, keys: &Tensor| {
        let unit = |vectors: &Tensor| {
            vectors / vectors.square().sum_dim_intlist([-1i64].as_slice(), true, Kind::Float).sqrt().clamp_min(1e-6)
        };
        unit(query).matmul(&unit(keys).transpose(1, 2))
    });
    let cool = Choice::custom(|energy: &Tensor, keep: &Tensor| masked_softmax(&(energy * 0.5), keep));

    for (name, attention) in [
        ("nearness", Attention::of(nearness(), Choice::Global)),
        ("nearness in a window", Attention::of(nearness(), Choice::LocalMonotonic { window: 1 })),
        ("nearness, cooler", Attention::of(nearness(), cool)),
        ("learned nearness", Attention::of(learned, Choice::Global)),
        ("cosine", Attention::of(cosine, Choice::Global)),
    ] {
        let prepared = attention.prepare_apart(&keys, &values, &keep, &lengths)?;
        let attended = attention.attend(&query, &prepared, QuerySteps::Same(0), None);
        let weights = Vec::<f32>::try_from(attended.weights.reshape(-1).detach())?;
        println!("{name}: weights {weights:.2?}, context {:.1}", attended.context.double_value(&[0, 0, 0]));
    }
    Ok(())
}
