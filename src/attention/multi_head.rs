//! Multi-head attention (Vaswani et al. 2017, section 3.2.2): several scaled dot products side by side.

use tch::{Kind, Tensor};

use crate::nn::{Initialization, Linear, Pass, Scope, masked_softmax};

/// The four maps of multi-head attention, named as in Hugging Face's models: `q_proj`, `k_proj`, `v_proj`, `out_proj`.
pub struct MultiHead {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: i64,
    dropout: f64,
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
    /// For vectors of `size` numbers, which `heads` divides. `dropout` falls on weights.
    pub fn new(scope: Scope, size: i64, heads: i64, dropout: f64, initialization: Initialization) -> Self {
        let map = |name: &str| Linear::new(scope.sub(name), size, size, initialization);
        MultiHead { query: map("q_proj"), key: map("k_proj"), value: map("v_proj"), output: map("out_proj"), heads, dropout }
    }

    /// Queries of [B, T, D]: [B, H, T, K].
    pub fn queries(&self, input: &Tensor) -> Tensor {
        self.split(&self.query.forward(input))
    }

    /// Keys and values of [B, S, D]: [B, H, S, K] each.
    pub fn keys_and_values(&self, input: &Tensor) -> (Tensor, Tensor) {
        (self.split(&self.key.forward(input)), self.split(&self.value.forward(input)))
    }

    fn split(&self, projected: &Tensor) -> Tensor {
        let size = projected.size();
        projected.view([size[0], size[1], self.heads, size[2] / self.heads]).transpose(1, 2)
    }

    /// Mixes values [B, H, S, K] for queries [B, H, T, K] into [B, T, D], and gives the weights [B, H, T, S] when they are wanted: the fused
    /// kernel, which has none, serves those who do not want them.
    pub fn attend(
        &self,
        queries: &Tensor,
        (keys, values): (&Tensor, &Tensor),
        allowed: Allowed,
        wanted: bool,
        pass: &Pass,
    ) -> (Tensor, Option<Tensor>) {
        let (mixed, weights) = if wanted || (self.dropout > 0.0 && pass.trains()) {
            let weights = weights(queries, keys, allowed);
            (pass.dropout(&weights, self.dropout).matmul(values), wanted.then_some(weights))
        } else {
            let keep = match allowed {
                Allowed::Kept(keep) => Some(keep.unsqueeze(1).unsqueeze(1)),
                Allowed::All | Allowed::Causal => None,
            };
            let causal = matches!(allowed, Allowed::Causal);
            (Tensor::scaled_dot_product_attention(queries, keys, values, keep, 0.0, causal, None, false), None)
        };
        let size = mixed.size();
        let joined = mixed.transpose(1, 2).reshape([size[0], size[2], size[1] * size[3]]);
        (self.output.forward(&joined), weights)
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
        let attention = MultiHead::new(store.root(), 12, 3, 0.0, Initialization::Xavier);
        let input = Tensor::randn([2, 5, 12], (Kind::Float, Device::Cpu));
        let keep = Tensor::from_slice(&[true, true, true, true, true, true, true, true, false, false]).reshape([2, 5]);
        let queries = attention.queries(&input);
        let (keys, values) = attention.keys_and_values(&input);
        for allowed in [Allowed::All, Allowed::Kept(&keep), Allowed::Causal] {
            let attend = |wanted| attention.attend(&queries, (&keys, &values), allowed, wanted, &Pass::evaluation());
            let ((fused, none), (written, weights)) = (attend(false), attend(true));
            assert!(none.is_none());
            assert!(fused.allclose(&written, 1e-5, 1e-6, false));
            let sums = weights.unwrap().sum_dim_intlist([-1i64].as_slice(), false, Kind::Float);
            assert!(sums.allclose(&sums.ones_like(), 1e-5, 1e-6, false));
        }
    }
}
