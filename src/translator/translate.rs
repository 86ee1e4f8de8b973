//! Translating lines.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};

use super::Translator;
use super::aligned::Aligned;
use super::glossary::Glossary;
use super::view::AttentionView;
use crate::batch::Source;
use crate::corpus::batches_in_order;
use crate::runtime::{Interrupt, share_out, with_precision_for_inference};
use crate::search::{Constraints, Hypothesis, PhraseConstraint, SearchOptions, search_with};
use crate::text::special::UNK;
use crate::text::{Encoding, Unknown};

/// Source pieces for which another worker is worth its while.
const LEAST_SHARE: usize = 256;

/// What a translation may be told.
#[derive(Debug, Clone)]
pub struct TranslateOptions {
    pub search: SearchOptions,
    /// Budget of a batch in padded source tokens, before the beam multiplies them.
    pub batch_tokens: usize,
    /// Batches at a time, each with its share of the threads.
    pub workers: usize,
    /// Which attention is shown.
    pub view: AttentionView,
    /// Puts the source's own text where the model produced an unknown word, translated by this dictionary where it has an entry.
    pub replace_unknown: Option<HashMap<String, String>>,
    /// Text that every translation starts with.
    pub prefix: String,
    /// Phrases and how they must be translated. Sampling cannot keep to it.
    pub glossary: Option<Glossary>,
    /// When raised, translating ends before the next batch, with an error.
    pub interrupt: Interrupt,
}

/// One line translated.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The line as it came.
    pub source: String,
    /// What the vocabulary lacks of its pieces.
    pub unknown: Unknown,
    /// Best first; a blank line has one empty hypothesis, made without the model.
    pub hypotheses: Vec<Translated>,
}

impl Translation {
    /// Whether the length limit cut off its best hypothesis or what would have been better, or any of its samples.
    pub fn is_cut(&self, options: &TranslateOptions) -> bool {
        let counted = if options.search.recipe.sample { self.hypotheses.len() } else { 1 };
        self.hypotheses.iter().take(counted).any(|hypothesis| hypothesis.cut_short)
    }
}

/// One hypothesis as text.
#[derive(Debug, Clone)]
pub struct Translated {
    pub text: String,
    /// What hypotheses are ranked by.
    pub score: f64,
    /// Natural-log probability of each piece, and of the end of sentence when it was reached.
    pub log_probabilities: Vec<f32>,
    /// Ids as the model produced them, without special tokens.
    pub tokens: Vec<u32>,
    /// Their pieces.
    pub pieces: Vec<String>,
    /// Words, weights and links, when attention was asked for and the model attends.
    pub aligned: Option<Aligned>,
    /// False when the length limit cut it off.
    pub finished: bool,
    /// Whether the length limit cut it off, or ended its search while something better was on its way.
    pub cut_short: bool,
    /// Phrases of the glossary that it should hold and does not, because it was cut off before.
    pub unmet: Vec<String>,
}

impl Translator {
    /// Translates lines, as many out as in, in their order. What becomes of a line depends on no other.
    ///
    /// # Errors
    /// A prefix that the vocabulary cannot spell, or that leaves no room in the translation of a line; a glossary together with sampling;
    /// [`Interrupted`](crate::runtime::Interrupted).
    pub fn translate(&self, lines: &[&str], options: &TranslateOptions) -> Result<Vec<Translation>> {
        self.translate_encoded(lines, &self.encode_sources(lines)?, options)
    }

    /// The same of lines in pieces.
    pub(super) fn translate_encoded(
        &self,
        lines: &[&str],
        encodings: &[Encoding],
        options: &TranslateOptions,
    ) -> Result<Vec<Translation>> {
        let untranslated = |(line, encoding): (&&str, &Encoding)| Translation {
            source: (*line).into(),
            unknown: Unknown::of_line(line, encoding),
            hypotheses: vec![Translated::empty()],
        };
        let mut translations: Vec<Translation> = lines.iter().zip(encodings).map(untranslated).collect();
        let filled: Vec<usize> = (0..lines.len()).filter(|&line| !encodings[line].ids.is_empty()).collect();
        let lengths: Vec<usize> = filled.iter().map(|&line| encodings[line].ids.len() + 1).collect();
        let mut search_options = options.search.clone();
        search_options.attention |= options.replace_unknown.is_some() || self.copies();
        let prefix = self.encode_prefix(&options.prefix)?;
        if search_options.recipe.sample && options.glossary.is_some() {
            bail!("a glossary needs a search: samples are drawn as they come");
        }
        let wanted: Vec<Vec<(&str, &PhraseConstraint)>> =
            lines.iter().map(|line| options.glossary.as_ref().map_or_else(Vec::new, |glossary| glossary.of_line(line))).collect();
        for &line in &filled {
            let limit = search_options.maximum_length(encodings[line].ids.len());
            ensure!(
                prefix.len() < limit,
                "the prefix {:?} has {} pieces, but a translation of {:?} has at most {limit}, its end counted; give a shorter prefix \
                 or more room (--maximum-length, search.maximum_length_offset)",
                options.prefix,
                prefix.len(),
                shortened(lines[line])
            );
        }
        // Small enough that every worker has one.
        let share = lengths.iter().sum::<usize>().div_ceil(options.workers.max(1)).max(LEAST_SHARE);
        let batches = batches_in_order(&lengths, options.batch_tokens.min(share));
        // For all batches of a worker: weights are cast once.
        let (precision, device) = (self.precision, self.device);
        let around = |work: &mut dyn FnMut()| with_precision_for_inference(precision, device, work);
        let found = share_out(&batches, options.workers, around, |batch| -> Result<Vec<Vec<Translated>>> {
            options.interrupt.check()?;
            let rows: Vec<usize> = batch.iter().map(|&position| filled[position]).collect();
            let ids: Vec<&[u32]> = rows.iter().map(|&line| encodings[line].ids.as_slice()).collect();
            let constraints = rows.iter().map(|&line| Constraints {
                prefix: prefix.clone(),
                phrases: wanted[line].iter().map(|&(_, constraint)| constraint.clone()).collect(),
            });
            let constraints: Vec<Constraints> = constraints.collect();
            let source = Source::new(&ids, self.device);
            let found = search_with(&self.ensemble(), &source, &search_options, &constraints);
            let texts = rows.iter().zip(found).map(|(&line, hypotheses)| {
                let texts = hypotheses.into_iter().map(|hypothesis| {
                    let unmet = hypothesis.unmet.iter().map(|&index| wanted[line][index].0.to_owned()).collect();
                    Ok(Translated { unmet, ..self.to_text(lines[line], &encodings[line], hypothesis, options)? })
                });
                texts.collect()
            });
            texts.collect()
        });
        for (batch, texts) in batches.into_iter().zip(found) {
            for (position, hypotheses) in batch.into_iter().zip(texts?) {
                translations[filled[position]].hypotheses = hypotheses;
            }
        }
        Ok(translations)
    }

    fn encode_prefix(&self, prefix: &str) -> Result<Vec<u32>> {
        let encoding = self.tokenizers.target().encode(prefix);
        if let Some(place) = encoding.ids.iter().position(|&id| id == UNK) {
            let (start, end) = encoding.spans[place];
            bail!("the prefix {prefix:?} cannot be produced: the model's vocabulary lacks {:?}", &prefix[start..end]);
        }
        Ok(encoding.ids)
    }

    /// Whether any of the models copies.
    fn copies(&self) -> bool {
        self.model.copies() || self.ensemble_members.iter().any(|member| member.copies())
    }

    /// Which pieces of a source an unknown word of its translation may come from: any, end of sentence apart; with a model that copies, those
    /// that the target's vocabulary lacks where there are any, since it copies others by name.
    fn places_of_unknown(&self, source: &Encoding) -> Vec<usize> {
        let places = source.prefix..source.spans.len();
        let unknown: Vec<usize> =
            places.clone().filter(|&place| self.copies() && self.tokenizers.same(source.ids[place]) == UNK).collect();
        if unknown.is_empty() { places.collect() } else { unknown }
    }

    fn to_text(&self, line: &str, source: &Encoding, found: Hypothesis, options: &TranslateOptions) -> Result<Translated> {
        let tokenizer = self.tokenizers.target();
        // A model that copies has copied what it calls unknown.
        let replaces = options.replace_unknown.is_some() || self.copies();
        let view = found.attention.as_ref().filter(|_| replaces).map(|attention| options.view.of(attention)).transpose()?;
        let may_be = self.places_of_unknown(source);
        let replacement = |position| {
            let word = attended_text(line, source, view.as_ref()?.row(position), &may_be, self.copies())?;
            let translated = options.replace_unknown.as_ref().and_then(|dictionary| dictionary.get(word));
            Some(translated.map_or(word, String::as_str).to_string())
        };
        let decoded = tokenizer.decode_replacing(&found.tokens, replacement);
        let aligned = match &found.attention {
            Some(attention) if options.search.attention => {
                Some(Aligned::new(source.words_of(line), decoded.words(), attention, options.view)?)
            }
            _ => None,
        };
        Ok(Translated {
            text: decoded.text,
            score: found.score,
            log_probabilities: found.log_probabilities,
            pieces: found.tokens.iter().map(|&id| tokenizer.piece(id).to_string()).collect(),
            tokens: found.tokens,
            aligned,
            finished: found.finished,
            cut_short: found.cut_short,
            unmet: Vec::new(),
        })
    }
}

/// So much of a line that it can be told from others.
fn shortened(line: &str) -> String {
    let mut characters = line.chars();
    let mut short: String = characters.by_ref().take(60).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// The source text of the piece, one of `places`, that a row of weights looks at most (Luong et al. 2015, section 4.1); where words are copied,
/// of the word that it looks at most in all its places together (See et al. 2017, equation 9).
fn attended_text<'a>(line: &'a str, source: &Encoding, weights: &[f32], places: &[usize], together: bool) -> Option<&'a str> {
    let text = |place: usize| &line[source.spans[place].0..source.spans[place].1];
    let shown: Vec<usize> = places.iter().copied().filter(|&place| place < weights.len()).collect();
    let mut of_word = HashMap::new();
    if together {
        shown.iter().for_each(|&place| *of_word.entry(text(place)).or_insert(0.0) += weights[place]);
    }
    let weight = |place: usize| if together { of_word[text(place)] } else { weights[place] };
    let weighed: Vec<f32> = shown.iter().map(|&place| weight(place)).collect();
    // Of equals the first.
    let best = (0..shown.len()).rev().max_by(|&a, &b| weighed[a].total_cmp(&weighed[b]))?;
    // Hard attention may have looked elsewhere.
    if weighed[best] == 0.0 && places.len() > 1 {
        return None;
    }
    Some(text(shown[best]))
}

impl Translated {
    fn empty() -> Self {
        Translated {
            text: String::new(),
            score: 0.0,
            log_probabilities: Vec::new(),
            tokens: Vec::new(),
            pieces: Vec::new(),
            aligned: Some(Aligned::blank("", "")),
            finished: true,
            cut_short: false,
            unmet: Vec::new(),
        }
    }
}
