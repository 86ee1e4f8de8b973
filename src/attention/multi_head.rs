//! Multi-head attention (Vaswani et al. 2017, section 3.2.2): several scaled dot products side by side.

use tch::{Kind, Tensor};

use crate::kernels::{CacheSlots, cached_attention};
use crate::nn::{ForwardContext, Initialization, Linear, Scope, linear, masked_softmax};
use crate::runtime::{exact_on_cpu, for_products};

/// The four maps of multi-head attention, named as in Hugging Face's models: `q_proj`, `k_proj`, `v_proj`, `out_proj`.
pub struct MultiHead {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: i64,
    dropout: f64,
}

/// The fused query-key-value projection of one [`MultiHead`]: W [3D, D] and b [3D].
pub struct FusedProjection {
    weight: Tensor,
    bias: Tensor,
}

/// Which keys a query may look at.
#[derive(Clone, Copy)]
pub enum Allowed<'a> {
    All,
    /// Those that are kept [B, S].
    Kept(&'a Tensor),
    /// Query t looks at keys 0 to t; as many queries as keys.
    Causal,
}

impl MultiHead {
    /// For vectors of `size` numbers, which `heads` divides. `dropout` falls on weights. Maps start as Xavier's with this gain, those of
    /// queries, keys and values as if they were one matrix.
    pub fn new(scope: Scope, size: i64, heads: i64, dropout: f64, gain: f64) -> Self {
        let map = |name: &str, gain| Linear::new(scope.sub(name), size, size, Initialization::Xavier { gain });
        let [query, key, value] = ["q_proj", "k_proj", "v_proj"].map(|name| map(name, gain * std::f64::consts::FRAC_1_SQRT_2));
        MultiHead { query, key, value, output: map("out_proj", gain), heads, dropout }
    }

    /// Queries of [.., D], all heads beside each other.
    pub fn queries(&self, input: &Tensor) -> Tensor {
        self.query.forward(input)
    }

    /// Keys and values of [.., D], all heads beside each other.
    pub fn keys_and_values(&self, input: &Tensor) -> (Tensor, Tensor) {
        (self.key.forward(input), self.value.forward(input))
    }

    /// The maps for queries, keys and values side by side, for attention of a sequence to itself.
    pub fn fused_projection(&self) -> FusedProjection {
        let maps = [&self.query, &self.key, &self.value];
        let biases: Vec<&Tensor> = maps.iter().filter_map(|map| map.bias.as_deref()).collect();
        FusedProjection {
            weight: for_products(&Tensor::cat(&maps.map(|map| &*map.weight), 0)),
            bias: for_products(&Tensor::cat(&biases, 0)),
        }
    }

    /// Queries, keys and values of the same [.., D] in one product: [.., D] each.
    pub fn project_query_key_value(&self, input: &Tensor, projection: &FusedProjection) -> [Tensor; 3] {
        let parts = linear(input, &projection.weight, Some(&projection.bias)).chunk(3, -1);
        [0, 1, 2].map(|part| parts[part].shallow_clone())
    }

    /// The heads of [B, T, D] apart: [B, H, T, K].
    fn split(&self, projected: &Tensor) -> Tensor {
        let size = projected.size();
        projected.view([size[0], size[1], self.heads, size[2] / self.heads]).transpose(1, 2)
    }

    /// Mixes values [B, S, D] by keys for queries [B, T, D] into [B, T, D], and gives the weights [B, H, T, S] when they are wanted: the fused
    /// kernel, which has none, serves those who do not want them.
    pub fn attend(
        &self,
        queries: &Tensor,
        (keys, values): (&Tensor, &Tensor),
        allowed: Allowed,
        wanted: bool,
        pass: &ForwardContext,
    ) -> (Tensor, Option<Tensor>) {
        // Fused attention in half precision is slow on CPUs, its backward pass many times over.
        let (mixed, weights) = exact_on_cpu(queries.device(), |exact| {
            let [queries, keys, values] = [queries, keys, values].map(|projected| self.split(&exact(projected)));
            if wanted || (self.dropout > 0.0 && pass.trains()) {
                let weights = weights(&queries, &keys, allowed);
                return (pass.dropout(&weights, self.dropout).matmul(&values), wanted.then_some(weights));
            }
            let keep = match allowed {
                Allowed::Kept(keep) => Some(keep.unsqueeze(1).unsqueeze(1)),
                Allowed::All | Allowed::Causal => None,
            };
            let causal = matches!(allowed, Allowed::Causal);
            (Tensor::scaled_dot_product_attention(&queries, &keys, &values, keep, 0.0, causal, None, false), None)
        });
        (self.join(&mixed), weights)
    }

    /// What the heads made [B, H, T, K] as one: [B, T, D].
    fn join(&self, mixed: &Tensor) -> Tensor {
        let size = mixed.size();
        self.output.forward(&mixed.transpose(1, 2).reshape([size[0], size[2], size[1] * size[3]]))
    }

    /// One query for each of R hypotheses [R, D] to slots of cached keys and values [N, P, D]: see [`cached_attention`].
    pub fn step(&self, queries: &Tensor, cache: [&Tensor; 2], slots: &CacheSlots, wanted: bool) -> (Tensor, Option<Tensor>) {
        let (context, weights) = cached_attention(queries, cache, slots, self.heads, wanted);
        (self.output.forward(&context), weights)
    }
}

/// softmax(q·k / √K) over the allowed keys [B, H, T, S] (Vaswani et al. 2017, equation 1), written out.
fn weights(queries: &Tensor, keys: &Tensor, allowed: Allowed) -> Tensor {
    let scale = (queries.size()[3] as f64).sqrt();
    let energy = (queries / scale).matmul(&keys.transpose(2, 3));
    match allowed {
        Allowed::All => energy.softmax(-1, Kind::Float),
        Allowed::Kept(keep) => masked_softmax(&energy, &keep.unsqueeze(1).unsqueeze(1)),
        Allowed::Causal => {
            let size = energy.size();
            let keep = Tensor::ones([size[2], size[3]], (Kind::Bool, energy.device())).tril(0);
            masked_softmax(&energy, &keep)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use tch::Device;

    #[test]
    fn the_fused_kernel_and_the_written_out_form_agree() {
        tch::manual_seed(2);
        let store = Parameters::new(1, Device::Cpu);
        let attention = MultiHead::new(store.root(), 12, 3, 0.0, 1.0);
        let input = Tensor::randn([2, 5, 12], (Kind::Float, Device::Cpu));
        let keep = Tensor::from_slice(&[true, true, true, true, true, true, true, true, false, false]).reshape([2, 5]);
        let queries = attention.queries(&input);
        let (keys, values) = attention.keys_and_values(&input);
        for allowed in [Allowed::All, Allowed::Kept(&keep), Allowed::Causal] {
            let attend = |wanted| attention.attend(&queries, (&keys, &values), allowed, wanted, &ForwardContext::evaluation());
            let ((fused, none), (written, weights)) = (attend(false), attend(true));
            assert!(none.is_none());
            assert!(fused.allclose(&written, 1e-5, 1e-6, false));
            let sums = weights.unwrap().sum_dim_intlist([-1i64].as_slice(), false, Kind::Float);
            assert!(sums.allclose(&sums.ones_like(), 1e-5, 1e-6, false));
        }
    }
}
