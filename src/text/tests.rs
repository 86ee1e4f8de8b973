//! The room as a whole: against Python's `tokenizers`, and properties over arbitrary text.

use super::special::{EOS, UNK};
use super::{Encoding, PieceWords, Tokenizer, words};
use crate::recipe::{TokenizerKind, TokenizerRecipe};
use proptest::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/text")
}

fn training_lines() -> String {
    std::fs::read_to_string(fixtures().join("train.txt")).unwrap()
}

fn fixture_options() -> Vec<(&'static str, TokenizerRecipe)> {
    let base = TokenizerRecipe { minimum_frequency: 1, ..TokenizerRecipe::default() };
    vec![
        ("bpe", TokenizerRecipe { size: 640, minimum_frequency: 2, ..base.clone() }),
        ("unigram", TokenizerRecipe { kind: TokenizerKind::Unigram, size: 640, minimum_frequency: 2, ..base.clone() }),
        (
            "unigram-without-bytes",
            TokenizerRecipe { kind: TokenizerKind::Unigram, size: 420, byte_fallback: false, ..base.clone() },
        ),
        ("word", TokenizerRecipe { kind: TokenizerKind::Word, size: 150, ..base.clone() }),
        (
            "character",
            TokenizerRecipe { kind: TokenizerKind::Character, size: 120, lowercase: true, byte_fallback: false, ..base },
        ),
    ]
}

fn train(options: &TokenizerRecipe) -> Tokenizer {
    Tokenizer::train(options, training_lines().lines()).unwrap().0
}

fn bytes_of(tokenizer: &Tokenizer) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    tokenizer.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

/// The tokenizers of the fixtures.
static TRAINED: LazyLock<Vec<Tokenizer>> =
    LazyLock::new(|| fixture_options().iter().map(|(_, options)| train(options)).collect());

/// The same, as the crate alone runs the files.
static CRATE: LazyLock<Vec<tokenizers::Tokenizer>> = LazyLock::new(|| {
    let read = |tokenizer: &Tokenizer| {
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes_of(tokenizer)).unwrap();
        tokenizer.set_encode_special_tokens(true);
        tokenizer
    };
    TRAINED.iter().map(read).collect()
});

#[test]
#[ignore = "writes the tokenizers that tests/fixtures/reference/tokenizers.py reads"]
fn write_the_tokenizers_of_the_fixtures() {
    for (name, options) in fixture_options() {
        train(&options).save(fixtures().join(format!("{name}.json"))).unwrap();
    }
}

/// The files were written by another process, so this also holds training to be the same in every process.
#[test]
fn training_does_not_depend_on_process_or_threads() {
    for (name, options) in fixture_options() {
        let written = std::fs::read(fixtures().join(format!("{name}.json"))).unwrap();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let trained = pool.install(|| train(&options));
            assert!(bytes_of(&trained) == written, "{name} with {threads} threads differs from the file");
        }
    }
}

#[test]
fn python_gives_the_same_ids_and_text() {
    let expected: Value = serde_json::from_slice(&std::fs::read(fixtures().join("expected.json")).unwrap()).unwrap();
    for (name, _) in fixture_options() {
        let tokenizer = Tokenizer::load(fixtures().join(format!("{name}.json"))).unwrap();
        let cases = expected["encoded"][name].as_array().unwrap();
        assert!(cases.len() > 30);
        for case in cases {
            let ids: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
            if let Some(line) = case["line"].as_str() {
                assert_eq!(tokenizer.encode(line).ids, ids, "{name}: {line:?}");
            }
            assert_eq!(tokenizer.decode(&ids), case["decoded"].as_str().unwrap(), "{name}: {ids:?}");
        }
    }
}

/// Lines with more white space, marks, apostrophes and known letters than chance would give.
fn line() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => any::<String>(),
        4 => "[a-zA-Z '’]{0,8}",
        2 => "[ \u{a0}\u{2028}\t\0▁_<s>/x0-9]{0,6}",
        2 => "[a-zA-Zq\u{300}-\u{345}\u{1100}-\u{11ff}가-힣]{0,6}",
        1 => "[\u{591}-\u{5c7}ش-يऀ-ॿ\u{1f300}-\u{1f9ff}\u{200d}\u{fe0f}]{0,6}",
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

/// What a line comes back as.
fn normalised(line: &str, lowercase: bool) -> String {
    let lower: String = if lowercase { line.chars().flat_map(char::to_lowercase).collect() } else { line.to_owned() };
    let composed: String = lower.nfc().collect();
    composed.replace('▁', "_").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tables of the tokenizers crate are of an older Unicode version and leave marks alone that came later: such text is compared up to
/// canonical equivalence, and the rest exactly.
fn equal(found: &str, expected: &str) -> bool {
    let old = |character: char| matches!(character, '\0'..'\u{800}' | '\u{1e00}'..'\u{2000}' | '가'..='힣');
    found == expected || !expected.chars().all(old) && found.nfc().eq(expected.nfc())
}

fn check_spans(line: &str, encoding: &Encoding) -> Result<(), TestCaseError> {
    let found = words(line);
    prop_assert_eq!(encoding.ids.len(), encoding.words.len());
    prop_assert_eq!(encoding.ids.len(), encoding.spans.len());
    prop_assert!(encoding.words.is_sorted());
    let distinct: std::collections::BTreeSet<u32> = encoding.words.iter().copied().collect();
    prop_assert_eq!(distinct.into_iter().collect::<Vec<_>>(), (0..found.len() as u32).collect::<Vec<_>>());
    let mut covered = vec![false; line.len()];
    let mut last = (0, 0);
    for (&word, &(start, end)) in encoding.words.iter().zip(&encoding.spans) {
        let (word_start, word_end) = found[word as usize];
        prop_assert!(word_start <= start && start <= end && end <= word_end);
        prop_assert!(line.is_char_boundary(start) && line.is_char_boundary(end));
        prop_assert!(last.0 <= start && last.1 <= end || start == end);
        last = (start, end.max(last.1));
        covered[start..end].fill(true);
    }
    for (at, character) in line.char_indices() {
        prop_assert_eq!(covered[at], !character.is_whitespace());
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_piece_knows_its_word_and_its_bytes(line in line()) {
        for tokenizer in TRAINED.iter() {
            check_spans(&line, &tokenizer.encode(&line))?;
        }
    }

    #[test]
    fn the_crate_gives_the_same_ids_and_text(line in line()) {
        for (tokenizer, reference) in TRAINED.iter().zip(CRATE.iter()) {
            let ids = tokenizer.encode(&line).ids;
            let expected = reference.encode(line.as_str(), false).unwrap();
            prop_assert_eq!(&ids, expected.get_ids());
            prop_assert_eq!(tokenizer.decode(&ids), reference.decode(&ids, true).unwrap());
        }
    }

    #[test]
    fn bytes_lose_nothing(line in line()) {
        for tokenizer in &TRAINED[..2] {
            prop_assert!(equal(&tokenizer.decode(&tokenizer.encode(&line).ids), &normalised(&line, false)), "{line:?}");
        }
    }

    /// Any ids, as an untrained model gives them.
    #[test]
    fn arbitrary_ids_decode_as_the_crate_decodes_them(ids in proptest::collection::vec(0u32..700, 0..30)) {
        for (tokenizer, reference) in TRAINED.iter().zip(CRATE.iter()) {
            let text = tokenizer.decode(&ids);
            prop_assert_eq!(&text, &reference.decode(&ids, true).unwrap());
            let PieceWords { words: found, of_pieces } = tokenizer.decode_replacing(&ids, |_| None).words();
            prop_assert_eq!(&found, &text.split_whitespace().collect::<Vec<_>>());
            let indices: Vec<u32> = of_pieces.iter().flatten().copied().collect();
            prop_assert!(indices.is_sorted());
            prop_assert!(indices.last().is_none_or(|&index| (index as usize) < found.len()));
        }
    }

    /// Encoding and decoding agree on words wherever nothing is unknown.
    #[test]
    fn decoded_pieces_have_the_words_of_the_encoded(line in line()) {
        for tokenizer in TRAINED.iter() {
            let encoding = tokenizer.encode(&line);
            if !encoding.ids.contains(&UNK) {
                let of_pieces = tokenizer.decode_replacing(&encoding.ids, |_| None).words().of_pieces;
                prop_assert_eq!(of_pieces, encoding.words.into_iter().map(Some).collect::<Vec<_>>());
            }
        }
    }

    /// Putting the unknown pieces' own text back restores what the vocabulary lacks.
    #[test]
    fn replacing_restores_unknown_characters(line in line()) {
        for (tokenizer, lowercase) in [(&TRAINED[2], false), (&TRAINED[4], true)] {
            let plain = normalised(&line, lowercase);
            let encoding = tokenizer.encode(&plain);
            let text = tokenizer.decode_replacing(&encoding.ids, |at| {
                let (start, end) = encoding.spans[at];
                Some(plain[start..end].to_owned())
            })
            .text;
            prop_assert!(equal(&text, &plain), "{text:?} {plain:?}");
        }
    }
}

#[test]
fn words_restore_spacing_around_punctuation_and_unknown_words() {
    let tokenizer = &TRAINED[3];
    for line in ["Hello, world!", "The keeper (the keeper) isn't l'ami: 1984."] {
        let encoding = tokenizer.encode(line);
        let text = tokenizer
            .decode_replacing(&encoding.ids, |at| {
                let (start, end) = encoding.spans[at];
                Some(line[start..end].to_owned())
            })
            .text;
        assert_eq!(text, line);
    }
    let line = "The zorglub of l'ozamizdat (blorp) and the keeper, flumph!";
    let ids = tokenizer.encode(line).ids;
    assert_eq!(ids.iter().filter(|&&id| id == UNK).count(), 4);
    let mut names = ["A", "Bo", "Cy", "Di Do"].into_iter().map(String::from);
    assert_eq!(tokenizer.decode_replacing(&ids, |_| names.next()).text, "The A of l'Bo (Cy) and the keeper, Di Do!");
    assert_eq!(tokenizer.decode(&ids), "The of l' () and the keeper,!");
    let PieceWords { words: found, of_pieces } = tokenizer.decode_replacing(&[UNK, EOS], |_| Some("Di Do".into())).words();
    assert_eq!((found.len(), of_pieces), (2, vec![Some(0), None]));
}

/// Takes about a second: a step whose time grows with the square of the line's length would take minutes.
#[test]
fn very_long_and_odd_lines() {
    let lines = [
        "a".repeat(100_000),
        "\0".repeat(100_000),
        "e\u{301}".repeat(50_000),
        "海浪".repeat(50_000),
        "'l".repeat(50_000),
        "a b ".repeat(25_000),
    ];
    for tokenizer in TRAINED.iter() {
        for line in &lines {
            let encoding = tokenizer.encode(line);
            check_spans(line, &encoding).unwrap();
            tokenizer.decode(&encoding.ids);
        }
        for line in ["", " ", "\u{2028}", "\u{85}\u{a0}\t"] {
            assert_eq!(tokenizer.encode(line), Encoding::default());
        }
    }
}

#[test]
fn a_batch_is_its_lines() {
    let lines = training_lines();
    let lines: Vec<&str> = lines.lines().chain(["", " \t"]).collect();
    for tokenizer in TRAINED.iter() {
        let one_by_one: Vec<Encoding> = lines.iter().map(|line| tokenizer.encode(line)).collect();
        assert_eq!(tokenizer.encode_batch(&lines), one_by_one);
    }
    assert!(TRAINED[0].encode_batch(&[]).is_empty());
}

#[test]
fn pieces_and_ids() {
    for tokenizer in TRAINED.iter() {
        for id in 0..tokenizer.size() as u32 {
            assert_eq!(tokenizer.id(tokenizer.piece(id)), Some(id));
        }
        assert_eq!(tokenizer.piece(tokenizer.size() as u32), "<unk>");
        assert_eq!(tokenizer.id("no such piece"), None);
    }
}

#[test]
fn sizes() {
    for (kind, byte_fallback) in
        [(TokenizerKind::Bpe, true), (TokenizerKind::Bpe, false), (TokenizerKind::Unigram, true), (TokenizerKind::Unigram, false)]
    {
        let options = TokenizerRecipe { kind, size: 1, byte_fallback, minimum_frequency: 1, ..TokenizerRecipe::default() };
        let lines = ["abc abd"];
        let error = Tokenizer::train(&options, lines.into_iter()).unwrap_err().to_string();
        let minimum = if byte_fallback { 4 + 256 + 5 } else { 4 + 5 };
        assert!(error.contains(&format!("at least {minimum} ")), "{error}");
        let smallest = TokenizerRecipe { size: minimum, ..options.clone() };
        assert_eq!(Tokenizer::train(&smallest, lines.into_iter()).unwrap().1.got, minimum);
        let report = Tokenizer::train(&TokenizerRecipe { size: 5000, ..options }, lines.into_iter()).unwrap().1;
        assert_eq!(report.asked, 5000);
        assert!((minimum..300).contains(&report.got), "{report:?}");
    }
    for (name, options) in fixture_options() {
        let (tokenizer, report) = Tokenizer::train(&options, training_lines().lines()).unwrap();
        assert_eq!((report.asked, report.got), (options.size, tokenizer.size()), "{name}");
        let error = Tokenizer::train(&options, [" ", "\u{2028}"].into_iter()).unwrap_err().to_string();
        assert!(error.contains("white space only"), "{error}");
        let none = TokenizerRecipe { size: 4, ..options };
        assert!(Tokenizer::train(&none, ["a"].into_iter()).is_err());
    }
}

#[test]
fn foreign_files_are_refused_with_path_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = format!("{:#}", Tokenizer::load(&path).unwrap_err());
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        error
    };
    assert!(refusal(b"{").contains("expected JSON"));
    assert!(refusal(b"{}").contains("model.vocab"));
    let good: Value = serde_json::from_slice(&bytes_of(&TRAINED[0])).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut file = good.clone();
        change(&mut file);
        refusal(&serde_json::to_vec(&file).unwrap())
    };
    assert!(changed(&|file| file["normalizer"] = Value::Null).contains("normalizer"));
    assert!(changed(&|file| file["decoder"] = Value::Null).contains("decoder"));
    assert!(changed(&|file| file["post_processor"] = serde_json::json!({"type": "x"})).contains("post_processor"));
    assert!(changed(&|file| file["added_tokens"] = serde_json::json!([])).contains("added_tokens"));
    assert!(changed(&|file| file["model"]["dropout"] = 0.5.into()).contains("dropout"));
    assert!(changed(&|file| file["model"]["unk_token"] = Value::Null).contains("unk_token"));
    assert!(changed(&|file| file["model"]["merges"] = serde_json::json!([["x", "yz"]])).contains("model"));
    let swapped = changed(&|file| {
        file["model"]["vocab"]["<s>"] = 3.into();
        file["model"]["vocab"]["</s>"] = 2.into();
    });
    assert!(swapped.contains("<s> at id 2, found \"</s>\""), "{swapped}");
    let gap = changed(&|file| file["model"]["vocab"]["<0x41>"] = 9999.into());
    assert!(gap.contains("\"<0x41>\" at id 9999"), "{gap}");
    // A tree with a level for each byte would be cleared by recursion.
    let mut long: Value = serde_json::from_slice(&bytes_of(&TRAINED[1])).unwrap();
    long["model"]["vocab"][9][0] = "x".repeat(786_432).into();
    let long = refusal(&serde_json::to_vec(&long).unwrap());
    assert!(long.contains("pieces of at most 4096 bytes, found \"xxx") && long.contains("of 786432 bytes at id 9"), "{long}");
    let error = format!("{:#}", Tokenizer::load(folder.path().join("absent.json")).unwrap_err());
    assert!(error.contains("absent.json"), "{error}");
}
