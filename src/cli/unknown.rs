//! What a model's vocabularies lack of the text that it is given.

use crate::runtime::message;
use crate::text::Unknown;
use crate::translator::{EncodedPair, Translator};

/// Counts unknown pieces, and tells people in the end when they were many.
#[derive(Default)]
pub struct UnknownCount {
    source: Unknown,
    target: Unknown,
}

impl UnknownCount {
    /// Counts what a source lacks.
    pub fn add_source(&mut self, unknown: &Unknown) {
        self.source.add(unknown);
    }

    /// Counts both sides.
    pub fn add_pairs(&mut self, pairs: &[EncodedPair]) {
        for pair in pairs {
            self.source.add(&Unknown::of_line(pair.source_line, &pair.source));
            self.target.add(&Unknown::of_line(pair.target_line, &pair.target));
        }
    }

    /// Says so, where they were many. A model that copies is meant for unknown words.
    pub fn tell(&self, translator: &Translator) {
        if translator.model.copies() {
            return;
        }
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
