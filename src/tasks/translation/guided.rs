//! Guided alignment: a second loss that teaches attention given links (Chen et al. 2016, "Guided Alignment Training for Topic-Aware
//! Neural Machine Translation"; Garg et al. 2019, "Jointly Learning to Align and Translate with Transformer Models", section 4.2).

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor};

use super::links::TeacherLinks;
use crate::corpus::ParallelText;
use crate::metrics::{GoldLinks, gold_links};
use crate::recipe::GuidedAlignmentRecipe;
use crate::runtime::files::Shown;
use crate::text::{Encoding, Tokenizer, words};
use crate::translator::{SourceEncoder, Translator};

/// Keeps the logarithm of a weight of zero finite.
const FLOOR: f64 = 1e-8;

/// Links of the training pairs over pieces.
pub struct GuidedAlignment {
    recipe: GuidedAlignmentRecipe,
    /// Sorted by target piece within a pair.
    links: TeacherLinks,
}

impl GuidedAlignment {
    /// Reads links over words, a line for each line of `text`, and projects them to pieces: a link between two words links all pieces
    /// of the one to all of the other. Of a target word's links the sure ones count, or the possible ones where none is sure. `lines`
    /// are the pairs that training uses, by line counted from 1, ascending.
    pub fn read(
        recipe: GuidedAlignmentRecipe,
        file: &Path,
        text: &ParallelText,
        sources: &SourceEncoder,
        targets: &Tokenizer,
        lines: impl Iterator<Item = usize>,
    ) -> Result<Self> {
        let mut gold = gold_links(file, 0)?;
        let mut given = 0;
        let mut lines = lines.peekable();
        let mut count = 0;
        let used = text.pairs()?.filter_map(|pair| {
            count += 1;
            let checked = pair.and_then(|(source, target)| {
                let gold = gold.next().transpose()?;
                given += usize::from(gold.is_some());
                let inside = gold.as_ref().map_or(Ok(()), |gold| check_bounds(gold, &source, &target));
                inside.with_context(|| format!("{}:{count}", file.shown()))?;
                Ok(gold.filter(|_| lines.next_if_eq(&count).is_some()).map(|gold| (source, target, gold)))
            });
            checked.transpose()
        });
        let links = TeacherLinks::read(used, sources, targets, |(_, source), (_, target), gold| project(gold, source, target))?;
        for more in gold {
            more?;
            given += 1;
        }
        ensure!(
            given == count,
            "{}: {given} lines of links for {count} sentence pairs; expected a line for each, empty where there are none",
            file.shown()
        );
        Ok(GuidedAlignment { recipe, links })
    }

    /// The loss of a batch of pairs, weighted: -weight Σ_t Σ_s g_ts log a_ts over target pieces that are linked, where row g_t is even over
    /// the pieces linked to t and sums to one, and a is the chosen part of `attention` [B, layers, heads, T, S]. None without links.
    pub fn loss(&self, attention: &Tensor, batch: &[usize]) -> Option<Tensor> {
        let attention = chosen(attention, &self.recipe);
        let (rows, columns) = (attention.size()[1], attention.size()[2]);
        let (mut places, mut shares) = (Vec::new(), Vec::new());
        for (row, &pair) in batch.iter().enumerate() {
            for of_piece in self.links.of(pair).chunk_by(|one, other| one.0 == other.0) {
                let start = (row as i64 * rows + i64::from(of_piece[0].0)) * columns;
                places.extend(of_piece.iter().map(|&(_, source)| start + i64::from(source)));
                shares.extend(of_piece.iter().map(|_| 1.0 / of_piece.len() as f32));
            }
        }
        if places.is_empty() {
            return None;
        }
        let device = attention.device();
        let weights =
            attention.reshape([-1]).index_select(0, &Tensor::from_slice(&places).to_device(device)).to_kind(Kind::Float);
        let shares = Tensor::from_slice(&shares).to_device(device);
        Some(((weights + FLOOR).log() * shares).sum(Kind::Float) * -self.recipe.weight)
    }
}

/// [B, layers, heads, T, S] to [B, T, S]: one layer or head, or the mean over all.
fn chosen(attention: &Tensor, recipe: &GuidedAlignmentRecipe) -> Tensor {
    let pick = |tensor: Tensor, index: Option<usize>| match index {
        Some(index) => tensor.select(1, index as i64),
        None => tensor.mean_dim([1i64].as_slice(), false, Kind::Float),
    };
    pick(pick(attention.shallow_clone(), recipe.layer), recipe.head)
}

/// Whether a model has the attention that a recipe wants to teach.
pub fn ensure_teachable(recipe: &GuidedAlignmentRecipe, translator: &Translator) -> Result<()> {
    ensure!(translator.model.attends(), "training.guided_alignment: this model has no attention to teach; leave it out");
    let (layers, heads) = translator.attention_size().context("the model gave no attention")?;
    for (key, wanted, count) in [("layer", recipe.layer, layers), ("head", recipe.head, heads)] {
        if let Some(index) = wanted.filter(|&index| index >= count) {
            bail!("training.guided_alignment.{key} is {index}, but this model has {count}, counted from 0");
        }
    }
    Ok(())
}

fn check_bounds(gold: &GoldLinks, source: &str, target: &str) -> Result<()> {
    let (sources, targets) = (words(source).len(), words(target).len());
    let outside = gold.sure.iter().chain(&gold.possible).find(|&&(s, t)| s >= sources || t >= targets);
    match outside {
        Some((s, t)) => {
            bail!("the link {s}-{t} points outside the pair of {sources} and {targets} words; words are counted from 0")
        }
        None => Ok(()),
    }
}

/// Links over words as links over pieces (target, source), sorted.
fn project(gold: &GoldLinks, source: &Encoding, target: &Encoding) -> Vec<(u32, u32)> {
    let of_word = |word: usize| -> Vec<usize> {
        let linked = |links: &[(usize, usize)]| links.iter().filter(|link| link.1 == word).map(|link| link.0).collect::<Vec<_>>();
        let sure = linked(&gold.sure);
        if sure.is_empty() { linked(&gold.possible) } else { sure }
    };
    let mut links = Vec::new();
    let (mut word, mut linked) = (None, Vec::new());
    for (piece, &of) in (0u32..).zip(&target.words) {
        if word != Some(of) {
            (word, linked) = (Some(of), of_word(of as usize));
        }
        // A tag before the line belongs to no word.
        let pieces = (0u32..).zip(&source.words).skip(source.prefix).filter(|(_, word)| linked.contains(&(**word as usize)));
        links.extend(pieces.map(|(source, _)| (piece, source)));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Reduction};

    fn encoding(words: &[u32]) -> Encoding {
        Encoding { ids: vec![9; words.len()], words: words.to_vec(), spans: vec![(0, 0); words.len()], ..Encoding::default() }
    }

    #[test]
    fn a_link_between_words_links_all_their_pieces() {
        let gold = GoldLinks::parse("0-0 2-0 1p0 1p1", 0).unwrap();
        // Words of one, two and one pieces; two words of two and one.
        let links: [_; 6] = project(&gold, &encoding(&[0, 1, 1, 2]), &encoding(&[0, 0, 1])).try_into().unwrap();
        assert_eq!(links, [(0, 0), (0, 3), (1, 0), (1, 3), (2, 1), (2, 2)]);
        let mut tagged = encoding(&[0, 1, 1, 2]);
        tagged.prepend(7);
        assert_eq!(
            project(&gold, &tagged, &encoding(&[0, 0, 1])),
            links.map(|(target, source)| (target, source + 1)),
            "a tag is no word"
        );
    }

    #[test]
    fn links_outside_the_pair_are_named() {
        let gold = GoldLinks::parse("0-0 3p1", 0).unwrap();
        check_bounds(&gold, "a b c d", "e f").unwrap();
        let error = check_bounds(&gold, "a b c", "e f").unwrap_err().to_string();
        assert!(error.contains("link 3-1 points outside the pair of 3 and 2 words"), "{error}");
    }

    /// libtorch's cross-entropy with class probabilities, over the softmax that the weights come from.
    #[test]
    fn the_loss_and_its_gradient_are_libtorchs_cross_entropy() {
        tch::manual_seed(5);
        let energy = Tensor::randn([2, 2, 3, 4, 5], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        // The second pair has rows without links, and batches come in any order.
        let guided = |layer, head| {
            let mut links = TeacherLinks::default();
            links.push([(0, 1), (1, 0), (1, 4), (2, 2), (3, 0), (3, 1), (3, 2)]);
            links.push([(1, 3)]);
            links.push([]);
            GuidedAlignment { recipe: GuidedAlignmentRecipe { weight: 0.3, layer, head }, links }
        };
        let target = Tensor::zeros([2, 4, 5], (Kind::Float, Device::Cpu));
        for (row, target_piece, source_piece, share) in [
            (1, 0, 1, 1.0),
            (1, 1, 0, 0.5),
            (1, 1, 4, 0.5),
            (1, 2, 2, 1.0),
            (1, 3, 0, 1. / 3.),
            (1, 3, 1, 1. / 3.),
            (1, 3, 2, 1. / 3.),
            (0, 1, 3, 1.0),
        ] {
            let _ = target.get(row).get(target_piece).get(source_piece).fill_(share);
        }
        for (layer, head) in [(Some(1), Some(2)), (Some(0), None), (None, None)] {
            let gradient = |loss: &Tensor| Tensor::run_backward(&[loss], &[&energy], true, false).remove(0);
            let attention = energy.softmax(-1, Kind::Float);
            let loss = guided(layer, head).loss(&attention, &[1, 0]).unwrap();
            let attention = match (layer, head) {
                (Some(layer), Some(head)) => attention.select(1, layer as i64).select(1, head as i64),
                (Some(layer), None) => attention.select(1, layer as i64).mean_dim([1i64].as_slice(), false, Kind::Float),
                _ => attention.mean_dim([1i64, 2].as_slice(), false, Kind::Float),
            };
            let (flat, wanted) = (attention.log().reshape([-1, 5]), target.reshape([-1, 5]));
            let expected = flat.cross_entropy_loss(&wanted, None::<Tensor>, Reduction::Sum, -100, 0.0) * 0.3;
            assert!((loss.double_value(&[]) - expected.double_value(&[])).abs() < 1e-5);
            assert!(gradient(&loss).allclose(&gradient(&expected), 1e-4, 1e-6, false));
        }
        let attention = energy.softmax(-1, Kind::Float);
        assert!(guided(None, None).loss(&attention, &[2, 2]).is_none(), "no links, no loss");
        let sure = Tensor::zeros([1, 1, 1, 4, 5], (Kind::Float, Device::Cpu));
        assert!(
            guided(None, None).loss(&sure, &[0]).unwrap().double_value(&[]).is_finite(),
            "a weight of zero has a finite loss"
        );
    }
}
