//! Source lines as the model reads them.

use super::Translator;
use crate::text::Encoding;

impl Translator {
    /// Source lines as the model reads them: with the prefix that the config asks for, unless the line is blank or has a tag of its own.
    pub(super) fn encode_sources(&self, lines: &[&str]) -> Vec<Encoding> {
        let tokenizer = self.tokenizers.source();
        let mut encodings = tokenizer.encode_batch(lines);
        if let Some(id) = self.config.source_prefix.as_ref().and_then(|prefix| tokenizer.id(prefix)) {
            let tagged = |encoding: &Encoding| encoding.ids.first().is_some_and(|&first| is_tag(tokenizer.piece(first)));
            for encoding in encodings.iter_mut().filter(|encoding| !encoding.ids.is_empty()) {
                if !tagged(encoding) {
                    encoding.prepend(id);
                }
            }
        }
        encodings
    }
}

/// Whether a piece tells a model the target language: `>>fra<<`.
fn is_tag(piece: &str) -> bool {
    piece.len() > 4 && piece.starts_with(">>") && piece.ends_with("<<")
}
