//! Translation edit rate (Snover et al. 2006, "A Study of Translation Edit Rate with Targeted Human Annotation").

use std::collections::HashMap;

use super::edits::translation_edits;
use super::ngrams::words;
use super::score::{Detail, Metric};

/// Edits a reference word: insertions, deletions, substitutions and shifts of word sequences. Words stand between white space;
/// punctuation stays on them, as in Tercom's and sacreBLEU's default.
///
/// Statistics of a sentence: the fewest edits to any reference, the mean length of the references.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ter {
    pub case_sensitive: bool,
}

impl Metric for Ter {
    fn name(&self) -> String {
        "TER".into()
    }

    fn settings(&self) -> String {
        let case = if self.case_sensitive { "mixed" } else { "lc" };
        format!("case:{case}|tok:tercom|norm:no|punct:yes|asian:no")
    }

    fn sentence_statistics(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let prepare = |line: &str| if self.case_sensitive { line.to_owned() } else { line.to_lowercase() };
        let mut numbers = HashMap::new();
        let mut number = |line: &str| -> Vec<u32> {
            let next = |numbers: &mut HashMap<String, u32>, word: &str| {
                let next = numbers.len() as u32;
                *numbers.entry(word.to_owned()).or_insert(next)
            };
            words(&prepare(line)).map(|word| next(&mut numbers, word)).collect()
        };
        let hypothesis = number(hypothesis);
        let references: Vec<Vec<u32>> = references.iter().map(|reference| number(reference)).collect();
        let edits = references.iter().map(|reference| translation_edits(&hypothesis, reference)).min().unwrap_or(0);
        let length: usize = references.iter().map(Vec::len).sum();
        vec![edits as f64, length as f64 / references.len().max(1) as f64]
    }

    fn evaluate(&self, sums: &[f64]) -> (f64, Detail) {
        let (edits, reference_length) = (sums[0], sums[1]);
        let rate = match reference_length {
            length if length > 0.0 => edits / length,
            _ if edits > 0.0 => 1.0,
            _ => 0.0,
        };
        (100.0 * rate, Detail::Ter { edits: edits as u64, reference_length })
    }
}
