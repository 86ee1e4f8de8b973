//! The steps around the model, as they stand in `tokenizer.json` and as they are run on one word.
//!
//! The pieces are cut by the `tokenizers` crate from the very JSON that is saved, so Python's `tokenizers` cuts alike.

use super::special;
use serde_json::{Value, json};
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

/// Stands at the start of a piece for the space before it (SentencePiece; Kudo and Richardson, 2018).
pub(super) const MARK: char = '▁';

/// What a literal [`MARK`] in the text becomes: the mark itself would come back as a space.
const INSTEAD_OF_MARK: &str = "_";

/// The property White_Space, spelled out: `\s` differs between regular expression engines.
const WHITE_SPACE: &str = r"[\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+";

/// Letters and digits with their marks and joiners. An apostrophe between letters stays inside (isn't, we're, John's), unless a Latin
/// vowel or h follows: then it ends the run (l'|ami, qu'|il, dell'|arte, aujourd'|hui). Elision happens before vowels and the mute h,
/// and what English contracts starts with a consonant. Possessive quantifiers keep the time linear on very long words.
const LETTERS: &str = concat!(
    r"▁?[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}\x{200C}\x{200D}]|(?<=[\p{L}\p{M}])['’](?=\p{L})(?!",
    "[aeiouyhàáâãäåæèéêëìíîïòóôõöøœùúûüýÿAEIOUYHÀÁÂÃÄÅÆÈÉÊËÌÍÎÏÒÓÔÕÖØŒÙÚÛÜÝŸ]",
    r"))*+(?:(?<=[\p{L}\p{M}])['’](?=\p{L}))?+"
);

/// Everything else in runs, for models that cut further.
const SYMBOLS: &str = r"▁?[^▁\p{L}\p{N}]++";

/// Everything else one by one, for the word level; marks and joiners stay with what they belong to.
const SYMBOL: &str = r"▁?[^▁\p{L}\p{N}][\p{M}\x{200D}]*+";

/// The steps that differ between tokenizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub lowercase: bool,
    /// Whether symbols are cut one by one.
    pub single_symbols: bool,
}

impl Steps {
    pub const ALL: [Steps; 4] = [
        Steps { lowercase: false, single_symbols: false },
        Steps { lowercase: true, single_symbols: false },
        Steps { lowercase: false, single_symbols: true },
        Steps { lowercase: true, single_symbols: true },
    ];

    /// Lower case comes before NFC because it can bring forth letters that compose (J with caron).
    pub fn normalizer(self) -> Value {
        let mut steps = Vec::new();
        if self.lowercase {
            steps.push(json!({"type": "Lowercase"}));
        }
        steps.extend([
            json!({"type": "NFC"}),
            json!({"type": "Replace", "pattern": {"String": MARK}, "content": INSTEAD_OF_MARK}),
            json!({"type": "Replace", "pattern": {"Regex": WHITE_SPACE}, "content": " "}),
            json!({"type": "Strip", "strip_left": true, "strip_right": true}),
        ]);
        json!({"type": "Sequence", "normalizers": steps})
    }

    /// `<` and letters never share a piece, so text that spells `<s>` or `<0x41>` is text.
    pub fn pre_tokenizer(self) -> Value {
        let symbols = if self.single_symbols { SYMBOL } else { SYMBOLS };
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": true},
            {"type": "Split", "pattern": {"Regex": format!("{LETTERS}|{symbols}")}, "behavior": "Isolated", "invert": false},
        ]})
    }

    pub fn decoder() -> Value {
        json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": MARK}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]})
    }

    /// A whole `tokenizer.json` around the model.
    pub fn file(self, model: Value) -> Value {
        json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added_tokens(),
            "normalizer": self.normalizer(),
            "pre_tokenizer": self.pre_tokenizer(),
            "post_processor": null,
            "decoder": Self::decoder(),
            "model": model,
        })
    }
}

/// The special tokens, registered so that other readers of the file leave them out of decoded text.
pub(super) fn added_tokens() -> Value {
    let tokens = special::SPELLINGS.iter().enumerate().map(|(id, content)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
    });
    Value::Array(tokens.collect())
}

/// Runs the steps on one word.
pub(super) struct Pipeline {
    pub steps: Steps,
    normalizer: NormalizerWrapper,
    pre_tokenizer: PreTokenizerWrapper,
}

impl Pipeline {
    pub fn new(steps: Steps) -> Self {
        Self {
            steps,
            normalizer: serde_json::from_value(steps.normalizer()).expect("the normalizer above is one the crate reads"),
            pre_tokenizer: serde_json::from_value(steps.pre_tokenizer()).expect("the pre-tokenizer above is one the crate reads"),
        }
    }

    pub fn normalise(&self, text: &str) -> String {
        let mut normalised = NormalizedString::from(text);
        self.normalizer.normalize(&mut normalised).expect("normalisation has no failing step");
        normalised.get().to_owned()
    }

    /// The runs of a normalised word, the first of them with the mark of the space before it.
    pub fn runs(&self, normalised: &str) -> Vec<String> {
        let mut cut = PreTokenizedString::from(normalised);
        self.pre_tokenizer.pre_tokenize(&mut cut).expect("cutting has no failing step");
        let runs = cut.get_splits(OffsetReferential::Normalized, OffsetType::Byte);
        runs.into_iter().map(|(run, _, _)| run.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(line: &str, single_symbols: bool) -> String {
        let pipeline = Pipeline::new(Steps { lowercase: false, single_symbols });
        line.split_whitespace().flat_map(|word| pipeline.runs(&pipeline.normalise(word))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn punctuation_and_apostrophes() {
        for single_symbols in [false, true] {
            assert_eq!(cut("Hello, world!", single_symbols), "▁Hello , ▁world !");
            assert_eq!(cut("l'ami n’est qu'il d'hier L'Été", single_symbols), "▁l' ami ▁n’ est ▁qu' il ▁d' hier ▁L' Été");
            assert_eq!(cut("isn't we're John’s O'Brien п'ять", single_symbols), "▁isn't ▁we're ▁John’s ▁O'Brien ▁п'ять");
            assert_eq!(cut("'well-known' dogs' 3.14", single_symbols), "▁' well - known ' ▁dogs ' ▁3 . 14");
            assert_eq!(cut("<s> a<0x41>", single_symbols), "▁< s > ▁a < 0x41 >");
            assert_eq!(cut("a▁b ▁", single_symbols), "▁a _ b ▁_");
            assert_eq!(cut("می\u{200c}خواهم हिन्दी", single_symbols), "▁می\u{200c}خواهم ▁हिन्दी");
        }
        assert_eq!(cut("what?! ❤\u{fe0f}👍", false), "▁what ?! ▁❤\u{fe0f}👍");
        assert_eq!(cut("what?! ❤\u{fe0f}👍", true), "▁what ? ! ▁❤\u{fe0f} 👍");
    }

    #[test]
    fn the_crate_writes_the_steps_as_they_stand_here() {
        for steps in Steps::ALL {
            let pipeline = Pipeline::new(steps);
            assert_eq!(serde_json::to_value(&pipeline.normalizer).unwrap(), steps.normalizer());
            assert_eq!(serde_json::to_value(&pipeline.pre_tokenizer).unwrap(), steps.pre_tokenizer());
        }
        let decoder: tokenizers::DecoderWrapper = serde_json::from_value(Steps::decoder()).unwrap();
        assert_eq!(serde_json::to_value(&decoder).unwrap(), Steps::decoder());
    }

    proptest! {
        #[test]
        fn runs_lose_nothing(word in r"[^\s]{1,20}", steps in proptest::sample::select(&Steps::ALL[..])) {
            let pipeline = Pipeline::new(steps);
            let normalised = pipeline.normalise(&word);
            prop_assert_eq!(pipeline.runs(&normalised).concat(), format!("{MARK}{normalised}"));
        }
    }
}
