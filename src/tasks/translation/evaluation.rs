//! Held-out data and what is scored on it.

use anyhow::{Context, Result};
use serde::Serialize;

use super::loss::nll_of;
use crate::alignment::Links;
use crate::batch::{Source, Target};
use crate::checkpoint::AttentionHead;
use crate::corpus::{ParallelText, batches_in_order};
use crate::metrics::{AlignmentCounts, Bleu, Chrf, GoldLinks, Metric, Score, Ter, read_gold};
use crate::model::WithAttention;
use crate::nn::ForwardContext;
use crate::recipe::{CorpusPath, DataRecipe};
use crate::runtime::files::Shown;
use crate::translator::{AttentionView, EncodedPair, Splitting, TranslateOptions, Translator};

/// Pairs, and the gold alignment of each.
type PairsWithGold<'a> = (Vec<EncodedPair<'a>>, Vec<&'a GoldLinks>);

/// A validation or test set, small enough to be held in memory.
pub struct HeldOut {
    pub sources: Vec<String>,
    pub targets: Vec<String>,
    /// Gold word alignments, where there are any.
    pub gold: Option<Vec<GoldLinks>>,
}

/// Most memory that a set may take as text; the line's own 24 bytes counted, as a small file may hold a large text.
const MOST_BYTES: usize = 256 << 20;

/// Scores on a [`HeldOut`] set.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// Mean negative log likelihood of a target piece, in nats.
    pub loss: f64,
    pub perplexity: f64,
    pub bleu: Score,
    pub chrf: Score,
    pub ter: Score,
    /// Alignment error rate of forced decoding, where there is gold and the model attends.
    pub aer: Option<f64>,
    /// Translations that the length limit cut off, or what would have been better ones.
    pub cut_lines: usize,
    /// Pairs that are longer than the model is made for. They are translated in parts; loss and alignment error rate are without them.
    pub long_pairs: usize,
    #[serde(skip)]
    pub hypotheses: Vec<String>,
}

impl Evaluation {
    /// By the names that `training.metric` uses.
    pub fn named(&self) -> Vec<(String, f64)> {
        let mut scores = vec![
            ("loss".to_string(), self.loss),
            ("perplexity".into(), self.perplexity),
            ("bleu".into(), self.bleu.value),
            ("chrf".into(), self.chrf.value),
            ("ter".into(), self.ter.value),
        ];
        scores.extend(self.aer.map(|aer| ("aer".to_string(), aer)));
        scores
    }

    /// What there is to count beside, for `log.jsonl`.
    pub fn counts(&self) -> Vec<(String, u64)> {
        vec![("cut_lines".into(), self.cut_lines as u64), ("long_pairs".into(), self.long_pairs as u64)]
    }
}

impl HeldOut {
    /// Reads at most `limit` pairs, unfiltered, and their gold alignments.
    pub fn read(data: &DataRecipe, path: &CorpusPath, limit: Option<usize>) -> Result<Self> {
        let text: ParallelText = super::data::open(data, path)?;
        let total = text.check()?;
        let (mut sources, mut targets, mut bytes) = (Vec::new(), Vec::new(), 0);
        for pair in text.pairs()?.take(limit.unwrap_or(usize::MAX)) {
            let (source, target) = pair?;
            bytes += source.len() + target.len() + 2 * size_of::<String>();
            anyhow::ensure!(
                bytes <= MOST_BYTES,
                "{}: the text up to line {} takes more than {} MiB, which is no text to be translated and scored at once; take the first \
                 thousand lines",
                text.name(),
                sources.len() + 1,
                MOST_BYTES >> 20
            );
            sources.push(source);
            targets.push(target);
        }
        let gold = match path.gold_file() {
            Some((file, base)) => {
                let mut gold = read_gold(&file, base as usize)?;
                anyhow::ensure!(
                    gold.len() == total,
                    "{}: {} lines of gold alignments for {total} sentence pairs",
                    file.shown(),
                    gold.len()
                );
                gold.truncate(sources.len());
                Some(gold)
            }
            None => None,
        };
        Ok(HeldOut { sources, targets, gold })
    }

    /// Loss, BLEU, chrF, and AER where it can be had, or as it is known from [`HeldOut::best_attention`].
    pub fn evaluate(&self, translator: &Translator, options: &TranslateOptions, known: Option<f64>) -> Result<Evaluation> {
        let sources: Vec<&str> = self.sources.iter().map(String::as_str).collect();
        let translations = translator.translate_paragraphs(&sources, options, Splitting::default())?.0;
        let cut_lines = translations.iter().filter(|translation| translation.is_cut(options)).count();
        let hypotheses: Vec<String> = translations
            .into_iter()
            .map(|translation| translation.hypotheses.into_iter().next().map(|best| best.text).unwrap_or_default())
            .collect();
        let (pairs, gold) = self.fitting(translator)?;
        let loss = loss(translator, options, &pairs)?;
        let lowercase = translator.config.lowercase;
        let references = [self.targets.as_slice()];
        Ok(Evaluation {
            loss,
            perplexity: loss.exp(),
            bleu: Bleu { lowercase, ..Bleu::default() }.corpus(&hypotheses, &references),
            chrf: Chrf { lowercase, ..Chrf::default() }.corpus(&hypotheses, &references),
            ter: Ter::default().corpus(&hypotheses, &references),
            aer: match known {
                Some(rate) => Some(rate),
                None if self.gold.is_some() && translator.model.attends() => {
                    Some(alignment_error_rate(translator, options, &pairs, &gold)?)
                }
                None => None,
            },
            cut_lines,
            long_pairs: self.sources.len() - pairs.len(),
            hypotheses,
        })
    }

    /// The layer and head, or mean over them, whose links are nearest to gold, and their error rate. None where there is no gold, or nothing to
    /// choose from.
    pub fn best_attention(&self, translator: &Translator, options: &TranslateOptions) -> Result<Option<(AttentionHead, f64)>> {
        let Some((layers, heads)) = translator.attention_size() else { return Ok(None) };
        if self.gold.is_none() || layers * heads == 1 {
            return Ok(None);
        }
        options.interrupt.check()?;
        let views = AttentionView::every(layers, heads);
        let (pairs, gold) = self.fitting(translator)?;
        let forced = translator.force_views(&pairs, options.batch_tokens, &views)?;
        let nothing = Links::default();
        let error = |view: usize| {
            let links = forced.iter().map(|pair| pair.as_ref().map_or(&nothing, |pair| &pair.aligned[view].links).as_slice());
            AlignmentCounts::of(links.zip(gold.iter().copied())).score().alignment_error_rate
        };
        let best = (0..views.len()).map(|view| (view, error(view))).min_by(|one, other| one.1.total_cmp(&other.1));
        Ok(best.map(|(view, rate)| (AttentionHead { layer: views[view].layer, head: views[view].head }, rate)))
    }

    /// The pairs that are no longer than the model is made for, and their gold where there is any.
    fn fitting(&self, translator: &Translator) -> Result<PairsWithGold<'_>> {
        let mut gold = self.gold.iter().flatten();
        let pairs = translator.encode_pairs(&self.pairs())?.into_iter().map(|pair| (pair, gold.next()));
        let (pairs, gold): (Vec<_>, Vec<_>) = pairs.filter(|(pair, _)| translator.fits(pair)).unzip();
        Ok((pairs, gold.into_iter().flatten().collect()))
    }

    /// Source and target of each pair.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.sources.iter().map(String::as_str).zip(self.targets.iter().map(String::as_str)).collect()
    }
}

fn loss(translator: &Translator, options: &TranslateOptions, pairs: &[EncodedPair]) -> Result<f64> {
    let lengths: Vec<usize> = pairs.iter().map(|pair| pair.source.ids.len().max(pair.target.ids.len()) + 1).collect();
    let model = translator.model.as_ref();
    let _guard = tch::no_grad_guard();
    let pass = ForwardContext::evaluation();
    let (mut nll, mut tokens) = (0.0, 0);
    for batch in batches_in_order(&lengths, options.batch_tokens) {
        options.interrupt.check()?;
        let source: Vec<&[u32]> = batch.iter().map(|&pair| pairs[pair].source.ids.as_slice()).collect();
        let target: Vec<&[u32]> = batch.iter().map(|&pair| pairs[pair].target.ids.as_slice()).collect();
        let source = Source::new(&source, translator.device);
        let target = Target::new(&target, translator.device);
        let decoded = model.forward(&source, &target.input, &pass, WithAttention::No);
        nll += nll_of(model, &decoded, &target);
        tokens += target.tokens();
    }
    // Of nothing there is no mean: NaN, which is no score, where no pair fits.
    Ok(nll / tokens as f64)
}

/// Links of forced decoding against gold (Luong et al. 2015, section 5.4).
fn alignment_error_rate(
    translator: &Translator,
    options: &TranslateOptions,
    pairs: &[EncodedPair],
    gold: &[&GoldLinks],
) -> Result<f64> {
    options.interrupt.check()?;
    let predicted = translator
        .force(pairs, options.batch_tokens, translator.view())?
        .into_iter()
        .map(|pair| pair.aligned.map(|aligned| aligned.links).context("the model gave no attention"))
        .collect::<Result<Vec<_>>>()?;
    let counts = AlignmentCounts::of(predicted.iter().map(|links| links.as_slice()).zip(gold.iter().copied()));
    Ok(counts.score().alignment_error_rate)
}
