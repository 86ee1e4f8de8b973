//! Several attention layers side by side, each with any score and any choice.

use anyhow::{Result, ensure};
use tch::Tensor;

use super::{Attention, AttentionOptions, AttentionOutput, Prepared, QuerySteps};
use crate::nn::{Linear, Scope};

/// head_h = Attention(q W^Q_h, K W^K_h, V W^V_h), and [head_1; …; head_H] W^O (Vaswani et al. 2017, section 3.2.2), where the paper's
/// attention is a scaled dot product with a global choice and here any is. [`super::MultiHead`] is that one case, and faster.
pub struct Heads {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: Vec<Attention>,
}

/// Options of [`Heads`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadsOptions {
    /// H.
    pub heads: i64,
    /// D, of all heads together and of what comes out; H divides it.
    pub size: i64,
    /// Size of values; that of keys and queries is in `attention`.
    pub values: i64,
    /// Of each head. `query` and `keys` are the sizes before the heads' maps; inside a head both are K = D / H.
    pub attention: AttentionOptions,
}

impl Heads {
    /// # Errors
    /// Heads that do not divide the size, and what [`Attention::new`] refuses.
    pub fn new(scope: Scope, options: &HeadsOptions) -> Result<Self> {
        let HeadsOptions { heads, size, values, attention } = *options;
        ensure!(
            heads >= 1 && size >= 1 && size % heads == 0,
            "heads share a size that they divide, found {heads} heads and a size of {size}"
        );
        ensure!(
            attention.query >= 1 && attention.keys >= 1 && values >= 1,
            "attention needs queries, keys and values of 1 or more numbers, found {}, {} and {values}",
            attention.query,
            attention.keys
        );
        let map = |name: &str, input| Linear::new(scope.sub(name), input, size, attention.initialization);
        let inside = AttentionOptions { query: size / heads, keys: size / heads, ..attention };
        Ok(Heads {
            query: map("query", attention.query),
            key: map("key", attention.keys),
            value: map("value", values),
            output: map("output", size),
            heads: (0..heads).map(|head| Attention::new(scope.sub(&format!("head{head}")), &inside)).collect::<Result<_>>()?,
        })
    }

    /// Once a source: keys [B, S, ·] and values [B, S, ·], which may be the same, for each head.
    ///
    /// # Errors
    /// Keys and values of different numbers of positions.
    pub fn prepare(&self, keys: &Tensor, values: &Tensor, keep: &Tensor, lengths: &Tensor) -> Result<Vec<Prepared>> {
        let (keys, values) = (self.apart(&self.key.forward(keys)), self.apart(&self.value.forward(values)));
        let each = self.heads.iter().zip(keys.iter().zip(&values));
        each.map(|(head, (keys, values))| head.prepare_apart(keys, values, keep, lengths)).collect()
    }

    /// Attends with queries [B, Q, D']: contexts [B, Q, D], and for each head its weights [B, H, Q, S]. `covered` [B, H, Q, S] where the
    /// heads know of coverage; otherwise as [`Attention::attend`].
    pub fn attend(&self, query: &Tensor, prepared: &[Prepared], step: QuerySteps, covered: Option<&Tensor>) -> AttentionOutput {
        let queries = self.apart(&self.query.forward(query));
        let attended: Vec<AttentionOutput> = (self.heads.iter().zip(&queries).zip(prepared).enumerate())
            .map(|(index, ((head, query), prepared))| {
                head.attend(query, prepared, step, covered.map(|covered| covered.select(1, index as i64)).as_ref())
            })
            .collect();
        let contexts: Vec<&Tensor> = attended.iter().map(|attended| &attended.context).collect();
        let weights: Vec<&Tensor> = attended.iter().map(|attended| &attended.weights).collect();
        AttentionOutput { context: self.output.forward(&Tensor::cat(&contexts, -1)), weights: Tensor::stack(&weights, 1) }
    }

    fn apart(&self, projected: &Tensor) -> Vec<Tensor> {
        projected.chunk(self.heads.len() as i64, -1)
    }
}
