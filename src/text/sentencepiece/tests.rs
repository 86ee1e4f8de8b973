//! Against SentencePiece itself: tests/fixtures/reference/sentencepiece_models.py.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::text::Tokenizer;

const NAMES: [&str; 3] = ["unigram", "bpe", "rules"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sentencepiece").join(name)
}

fn model(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(fixture(&format!("{name}.spm.gz"))).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("expected.json")).unwrap()).unwrap()
}

/// All pieces of the model but those the fixture leaves out, and one that the model lacks.
fn tokenizer(name: &str) -> Tokenizer {
    let file = model(name);
    let expected = expected();
    let left_out: Vec<String> = serde_json::from_value(expected[name]["left_out"].clone()).unwrap();
    let proto = ModelProto::from_bytes(&file).unwrap();
    let kept = proto.pieces.into_iter().filter(|piece| !matches!(piece.kind, PieceType::Unknown | PieceType::Control));
    let mut pieces: Vec<String> = kept.map(|piece| piece.text).filter(|piece| !left_out.contains(piece)).collect();
    assert!(!left_out.is_empty());
    pieces.insert(5, ">>fra<<".into());
    pieces.insert(9, "☂".into());
    Tokenizer::from_sentencepiece(&file, &pieces).unwrap()
}

#[test]
fn lines_are_cut_and_joined_as_sentencepiece_does() {
    let expected = expected();
    for name in NAMES {
        let tokenizer = tokenizer(name);
        let mut unknown = 0;
        let lines = expected[name]["lines"].as_array().unwrap();
        assert!(lines.len() > 100);
        for case in lines {
            let line = case["line"].as_str().unwrap();
            let mut pieces: Vec<String> = serde_json::from_value(case["pieces"].clone()).unwrap();
            if line.trim().is_empty() {
                // Without words there is nothing to translate, whatever the model makes of spaces.
                pieces.clear();
            }
            let encoding = tokenizer.encode(line);
            let found: Vec<&str> = encoding.ids.iter().map(|&id| tokenizer.piece(id)).collect();
            // What the vocabulary lacks is unknown, however SentencePiece spells it.
            let known = |piece: &String| tokenizer.id(piece).map_or("<unk>".to_owned(), |_| piece.clone());
            assert_eq!(found, pieces.iter().map(known).collect::<Vec<_>>(), "{name}: {line:?}");
            unknown += found.iter().filter(|&&piece| piece == "<unk>").count();
        }
        assert!(unknown > 0, "{name}: no line tests unknown pieces");
        for case in expected[name]["decoded"].as_array().unwrap() {
            let pieces: Vec<String> = serde_json::from_value(case["pieces"].clone()).unwrap();
            let ids: Vec<u32> = pieces.iter().filter_map(|piece| tokenizer.id(piece)).collect();
            if ids.len() == pieces.len() {
                assert_eq!(tokenizer.decode(&ids), case["text"].as_str().unwrap(), "{name}: {pieces:?}");
            }
        }
    }
}

/// Ordinary lines: the exceptions are named in `file.rs`.
#[test]
fn the_file_cuts_alike_in_the_tokenizers_package() {
    let expected = expected();
    for name in NAMES {
        let tokenizer = tokenizer(name);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        tokenizer.save(&path).unwrap();
        let reference = tokenizers::Tokenizer::from_file(&path).unwrap();
        let again = Tokenizer::load(&path).unwrap();
        assert_eq!(again.sentencepiece().unwrap(), model(name));
        for case in expected[name]["lines"].as_array().unwrap() {
            let line = case["line"].as_str().unwrap();
            let ids = tokenizer.encode(line).ids;
            assert_eq!(again.encode(line).ids, ids);
            if case["ordinary"].as_bool().unwrap() && !ids.contains(&special::UNK) {
                let found = reference.encode(line, false).unwrap();
                assert_eq!(found.get_ids(), ids, "{name}: {line:?}");
                assert_eq!(reference.decode(&ids, true).unwrap().trim_matches(' '), tokenizer.decode(&ids), "{name}: {line:?}");
            }
        }
    }
}

#[test]
fn a_language_tag_is_one_piece() {
    let tokenizer = tokenizer("unigram");
    let tag = tokenizer.id(">>fra<<").unwrap();
    let plain = tokenizer.encode("The keeper");
    let tagged = tokenizer.encode(">>fra<< The keeper");
    assert_eq!(tagged.ids[0], tag);
    assert_eq!(tagged.ids[1..], plain.ids);
    assert_eq!((tagged.words[0], tagged.spans[0]), (0, (0, 7)));
    assert_eq!(tagged.words[1..], plain.words.iter().map(|word| word + 1).collect::<Vec<_>>());
    assert_ne!(tokenizer.encode("The >>fra<< keeper").ids[0], tag);
    assert_ne!(tokenizer.encode(">>deu<< The keeper").ids[0], tag);
}

#[test]
fn foreign_entries_are_refused() {
    let tokenizer = tokenizer("rules");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    tokenizer.save(&path).unwrap();
    let good: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut file = good.clone();
        change(&mut file);
        format!("{:#}", Tokenizer::from_bytes(&serde_json::to_vec(&file).unwrap()).unwrap_err())
    };
    let broken = "entry \"sentencepiece\" is broken; import the model again";
    assert!(changed(&|file| file["pre_tokenizer"]["sentencepiece"]["model"] = "AAAA".into()).contains(broken));
    assert!(changed(&|file| file["pre_tokenizer"]["sentencepiece"]["model"] = "no base64".into()).contains(broken));
    assert!(changed(&|file| file["pre_tokenizer"]["sentencepiece"]["vocabulary"] = 3.into()).contains(broken));
    assert!(changed(&|file| file["normalizer"] = Value::Null).contains("normalizer"));
    let error = |pieces: &[&str]| {
        let pieces: Vec<String> = pieces.iter().map(|&piece| piece.into()).collect();
        Tokenizer::from_sentencepiece(&model("rules"), &pieces).unwrap_err().to_string()
    };
    assert!(error(&["a", "b", "a"]).contains("\"a\" is in the vocabulary twice"));
    assert!(error(&["a", "</s>"]).contains("\"</s>\" is in the vocabulary twice"));
}

fn line() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => any::<String>(),
        4 => "[a-zA-Z ]{0,8}",
        2 => "[ \u{a0}\u{2028}\t\0▁_<s>/x0-9]{0,6}",
        2 => "[ﬁﷺ½①Ａ\u{ad}\u{200b}\u{feff}e\u{301}\u{3000}ｶﾞ]{0,6}",
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn every_piece_knows_its_word_and_its_bytes(line in line()) {
        let found = words(&line);
        for name in NAMES {
            let tokenizer = &TOKENIZERS[NAMES.iter().position(|&other| other == name).unwrap()];
            let encoding = tokenizer.encode(&line);
            prop_assert_eq!(encoding.ids.len(), encoding.words.len());
            prop_assert_eq!(encoding.ids.len(), encoding.spans.len());
            prop_assert!(encoding.words.is_sorted());
            let mut last = (0, 0);
            for (&word, &(start, end)) in encoding.words.iter().zip(&encoding.spans) {
                let text = &line[start..end];
                prop_assert_eq!(text, text.trim());
                prop_assert!(last.0 <= start && last.1 <= end, "{:?}", encoding.spans);
                last = (start, end);
                let (word_start, word_end) = found[word as usize];
                prop_assert!(word_start <= start && (start < word_end || start == end));
            }
            tokenizer.decode(&encoding.ids);
        }
    }
}

static TOKENIZERS: std::sync::LazyLock<Vec<Tokenizer>> = std::sync::LazyLock::new(|| NAMES.map(tokenizer).into());

/// Takes no time to speak of: a step whose time grows with the square of the line's length would take minutes.
#[test]
fn very_long_lines() {
    for line in ["a".repeat(100_000), "a b ".repeat(25_000), "\0".repeat(100_000), "☃".repeat(50_000)] {
        for tokenizer in TOKENIZERS.iter() {
            tokenizer.decode(&tokenizer.encode(&line).ids);
        }
    }
}

/// What is trained here is a file that SentencePiece itself reads: `tests/fixtures/reference/sentencepiece_models.py` says what it cuts.
fn trained(kind: crate::recipe::TokenizerKind, lowercase: bool, byte_fallback: bool) -> Tokenizer {
    let lines = std::fs::read_to_string(fixture("../text/train.txt")).unwrap();
    let size = if byte_fallback { 640 } else { 420 };
    let options = crate::recipe::TokenizerRecipe {
        kind,
        size,
        minimum_frequency: 1,
        lowercase,
        byte_fallback,
        sentencepiece: true,
        ..Default::default()
    };
    Tokenizer::train(&options, lines.lines()).unwrap().0
}

const TRAINED: [(&str, crate::recipe::TokenizerKind, bool, bool); 3] = [
    ("trained-unigram", crate::recipe::TokenizerKind::Unigram, false, true),
    ("trained-bpe", crate::recipe::TokenizerKind::Bpe, true, true),
    ("trained-plain", crate::recipe::TokenizerKind::Unigram, true, false),
];

#[test]
#[ignore = "writes the models that tests/fixtures/reference/sentencepiece_models.py reads"]
fn write_the_trained_models() {
    for (name, kind, lowercase, byte_fallback) in TRAINED {
        let tokenizer = trained(kind, lowercase, byte_fallback);
        let mut file = flate2::GzBuilder::new()
            .write(std::fs::File::create(fixture(&format!("{name}.spm.gz"))).unwrap(), flate2::Compression::best());
        std::io::Write::write_all(&mut file, tokenizer.sentencepiece().unwrap()).unwrap();
    }
}

#[test]
fn sentencepiece_runs_what_was_trained_here() {
    let expected = expected();
    for (name, kind, lowercase, byte_fallback) in TRAINED {
        let tokenizer = trained(kind, lowercase, byte_fallback);
        assert!(tokenizer.sentencepiece().unwrap() == model(name), "{name}: training gives another model than it did");
        for case in expected[name]["lines"].as_array().unwrap() {
            let line = case["line"].as_str().unwrap();
            let pieces: Vec<String> = serde_json::from_value(case["pieces"].clone()).unwrap();
            let encoding = tokenizer.encode(line);
            let known = |piece: &String| tokenizer.id(piece).map_or("<unk>", |_| piece.as_str()).to_owned();
            let found: Vec<&str> = encoding.ids.iter().map(|&id| tokenizer.piece(id)).collect();
            assert_eq!(found, pieces.iter().map(known).collect::<Vec<_>>(), "{name}: {line:?}");
            if byte_fallback {
                let words: Vec<&str> = line.split_whitespace().collect();
                let plain = if lowercase { words.join(" ").to_lowercase() } else { words.join(" ") };
                if !plain.contains(['▁', 'ς']) {
                    assert_eq!(tokenizer.decode(&encoding.ids), plain, "{name}");
                }
            }
        }
    }
}

#[test]
fn no_piece_that_was_learned_joins_a_word_and_punctuation() {
    for (name, kind, lowercase, byte_fallback) in TRAINED {
        let tokenizer = trained(kind, lowercase, byte_fallback);
        let pieces = (0..tokenizer.size() as u32).map(|id| tokenizer.piece(id)).filter(|piece| !piece.starts_with('<'));
        let joined =
            |piece: &str| piece.contains(char::is_alphanumeric) && piece.contains(['.', ',', '!', '?', ';', ':', '"', '(', ')']);
        let found: Vec<&str> = pieces.filter(|piece| joined(piece)).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
        assert!(tokenizer.encode("word.").ids.len() > 1, "{name}: there is a piece for the full stop");
    }
}

#[test]
fn only_pieces_of_words_can_be_made_for_sentencepiece() {
    let options =
        crate::recipe::TokenizerRecipe { kind: crate::recipe::TokenizerKind::Word, sentencepiece: true, ..Default::default() };
    let error = Tokenizer::train(&options, ["a b"].into_iter()).unwrap_err().to_string();
    assert!(error.contains("only the kinds bpe and unigram"), "{error}");
}
