//! What a model's vocabularies lack of the text that it is given.

use crate::runtime::message;
use crate::text::Unknown;
use crate::translator::Translator;

/// Counts unknown pieces, and tells people in the end when they were many.
pub struct UnknownCount<'a> {
    translator: &'a Translator,
    source: Unknown,
    target: Unknown,
}

impl<'a> UnknownCount<'a> {
    pub fn new(translator: &'a Translator) -> Self {
        UnknownCount { translator, source: Unknown::default(), target: Unknown::default() }
    }

    /// Counts sources. A model that copies is meant for unknown words.
    pub fn add_sources(&mut self, lines: &[&str]) {
        if !self.translator.model.copies() {
            self.source.add_lines(self.translator.tokenizers.source(), lines);
        }
    }

    /// Counts both sides.
    pub fn add_pairs(&mut self, pairs: &[(&str, &str)]) {
        let (sources, targets): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
        self.add_sources(&sources);
        if !self.translator.model.copies() {
            self.target.add_lines(self.translator.tokenizers.target(), &targets);
        }
    }

    /// Says so, where they were many.
    pub fn tell(&self) {
        for (side, unknown) in
            [("source", &self.source), ("target", &self.target)].into_iter().filter(|(_, unknown)| unknown.many())
        {
            message!(
                "warning: {unknown} of the {side} pieces are unknown to the model's vocabulary{}; all of them are the same <unk> to it",
                unknown.examples()
            );
        }
    }
}
