use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A corpus in a folder of its own, with a tokenizer that gives a character's code for each character and counts how often it is called.
struct Corpus {
    folder: TempDir,
    text: ParallelText,
    filters: FilterRecipe,
    tokenizers: Vec<u8>,
    vocabulary: usize,
    calls: AtomicUsize,
}

impl Corpus {
    fn new(source: &str, target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = ParallelText::files(folder.path().join("s"), folder.path().join("t"));
        fs::write(folder.path().join("s"), source).unwrap();
        fs::write(folder.path().join("t"), target).unwrap();
        let tokenizers = b"characters".to_vec();
        Self { folder, text, filters: FilterRecipe::default(), tokenizers, vocabulary: 0x11_0000, calls: AtomicUsize::new(0) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    fn open(&self) -> Result<(TokenIndex, IndexReport)> {
        let encode = |line: &str| {
            self.calls.fetch_add(1, Ordering::Relaxed);
            line.chars().map(u32::from).collect()
        };
        let path = self.path();
        let request = IndexRequest {
            text: &self.text,
            filters: self.filters.clone(),
            tokenizers: &self.tokenizers,
            vocabulary: self.vocabulary,
            path: &path,
        };
        TokenIndex::open_or_build(&request, encode, encode)
    }

    fn note(&self) -> Option<String> {
        let (_, report) = self.open().unwrap();
        assert!(!report.reused);
        report.note
    }
}

fn ids(text: &str) -> Vec<u32> {
    text.chars().map(u32::from).collect()
}

#[test]
fn holds_what_is_kept_with_its_line() {
    let corpus = Corpus::new("ab\n\n😀é\u{2028}\0\r\nx\n", "c\nd\nef\nghi\n");
    let (index, report) = corpus.open().unwrap();
    assert_eq!(report.to_string(), "token index built: kept 3 of 4 pairs: 1 with an empty side");
    assert_eq!(index.len(), 3);
    assert_eq!([0, 1, 2].map(|pair| index.line(pair)), [1, 3, 4]);
    assert_eq!(index.source(1).unwrap(), ids("😀é\u{2028}\0"));
    assert_eq!(index.target(1).unwrap(), ids("ef"));
    assert_eq!((index.source_length(2), index.target_length(2)), (1, 3));
    assert_eq!(index.columns(), [(3, 2), (5, 3), (2, 4)]);
    let mut names: Vec<_> = fs::read_dir(corpus.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["index", "s", "t"], "nothing is left over");
}

#[test]
fn is_reused_while_nothing_changed() {
    let corpus = Corpus::new("ab\n\ncd\n", "c\nd\nef\n");
    let (_, built) = corpus.open().unwrap();
    let calls = corpus.calls.load(Ordering::Relaxed);
    assert_eq!(calls, 6);
    // Another time of change is no change.
    fs::write(corpus.folder.path().join("s"), "ab\n\ncd\n").unwrap();
    let (index, report) = corpus.open().unwrap();
    assert!(report.reused && report.note.is_none());
    assert_eq!(report.filter, built.filter);
    assert_eq!(report.to_string(), "token index reused: kept 2 of 3 pairs: 1 with an empty side");
    assert_eq!(index.source(1).unwrap(), ids("cd"));
    assert_eq!(corpus.calls.load(Ordering::Relaxed), calls);
}

#[test]
fn ids_are_counted_by_side() {
    let (index, _) = Corpus::new("abab\nb\n", "b\nacc\n").open().unwrap();
    assert_eq!(index.count(u32::from(b'b')).unwrap(), [(5, 3), (4, 1)]);
    assert_eq!(index.count(u32::from(b'z')).unwrap(), [(5, 0), (4, 0)]);
}

#[test]
fn every_change_of_what_it_is_made_from_is_noticed() {
    let mut corpus = Corpus::new("ab\n", "cd\n");
    assert_eq!(corpus.note(), None);
    let old = fs::metadata(corpus.folder.path().join("t")).unwrap().modified().unwrap();
    fs::write(corpus.folder.path().join("t"), "ce\n").unwrap();
    // Same size, same time: only the content tells.
    fs::File::options().append(true).open(corpus.folder.path().join("t")).unwrap().set_modified(old).unwrap();
    assert_eq!(corpus.note().unwrap(), "was made from another text");
    assert_eq!(corpus.open().unwrap().0.target(0).unwrap(), ids("ce"));
    corpus.tokenizers.push(b'!');
    assert_eq!(corpus.note().unwrap(), "was made from another tokenizer");
    corpus.vocabulary = 1 << 16;
    assert_eq!(corpus.note().unwrap(), "was made from another tokenizer");
    corpus.filters.maximum_ratio = 0.1 + 8.2;
    assert_eq!(corpus.note().unwrap(), "was made from another filter");
    let ParallelText::Files { source, target } = corpus.text.clone() else { unreachable!() };
    corpus.text = ParallelText::files(&target, &source);
    assert_eq!(corpus.note().unwrap(), "was made from another text");
    assert_eq!(corpus.open().unwrap().0.source(0).unwrap(), ids("ce"));
    assert!(corpus.open().unwrap().1.reused);
}

#[test]
fn a_damaged_or_foreign_file_is_replaced_with_a_note() {
    let corpus = Corpus::new("ab\nc\n", "cd\ne\n");
    corpus.open().unwrap();
    let good = fs::read(corpus.path()).unwrap();
    // All of the header, and more than one place in each part that follows.
    let places = || (0..layout::HEADER).chain((layout::HEADER..good.len()).step_by(11));
    for length in places() {
        fs::write(corpus.path(), &good[..length]).unwrap();
        assert!(file::open(&corpus.path()).is_err(), "{length} bytes");
    }
    for at in places() {
        let mut bad = good.clone();
        bad[at] ^= 0x41;
        fs::write(corpus.path(), bad).unwrap();
        assert!(file::open(&corpus.path()).is_err(), "byte {at}");
    }
    let longer = [good.as_slice(), b"\n"].concat();
    for (bytes, note) in [
        (&b""[..], "is no token index"),
        (b"something of somebody else's, and long enough", "is no token index"),
        (&good[..20], "is truncated"),
        (&good[..good.len() - 1], "is truncated"),
        (&longer, "is truncated"),
    ] {
        fs::write(corpus.path(), bytes).unwrap();
        assert!(corpus.note().unwrap().starts_with(note));
        assert_eq!(fs::read(corpus.path()).unwrap(), good, "the same inputs give the same file");
    }
}

#[test]
fn numbers_beyond_sense_are_no_crash() {
    let corpus = Corpus::new("ab\n", "cd\n");
    corpus.open().unwrap();
    let good = fs::read(corpus.path()).unwrap();
    for at in [12, 16, 24, 32] {
        let mut bad = good.clone();
        let length = if at == 12 { 4 } else { 8 };
        bad[at..at + length].fill(0xff);
        fs::write(corpus.path(), bad).unwrap();
        assert_eq!(corpus.note().unwrap(), "is truncated");
    }
    let mut newer = good.clone();
    newer[8] = 9;
    fs::write(corpus.path(), newer).unwrap();
    assert_eq!(corpus.note().unwrap(), "has format 9, expected 1");
}

#[test]
fn ids_take_two_bytes_while_they_can() {
    let mut corpus = Corpus::new("ab\u{ffff}\n", "cd\n");
    let sizes = [1 << 16, (1 << 16) + 1].map(|vocabulary| {
        corpus.vocabulary = vocabulary;
        assert_eq!(corpus.open().unwrap().0.source(0).unwrap(), ids("ab\u{ffff}"));
        let bytes = fs::read(corpus.path()).unwrap();
        u32::from_le_bytes(bytes[12..16].try_into().unwrap())
    });
    assert_eq!(sizes, [2, 4]);
    corpus.vocabulary = 0xffff;
    let message = corpus.open().unwrap_err().to_string();
    assert!(message.contains("line 1 has the token id 65535"), "{message}");
}

#[test]
fn errors_leave_the_old_index_and_no_rubbish() {
    let corpus = Corpus::new("ab\n", "cd\n");
    corpus.open().unwrap();
    let good = fs::read(corpus.path()).unwrap();
    for (source, target, expected) in
        [("a\nb\n", "c\n", "line 2"), ("", "", "no lines"), ("\n\n", "a\nb\n", "kept 0 of 2 pairs: 2 with an empty side")]
    {
        fs::write(corpus.folder.path().join("s"), source).unwrap();
        fs::write(corpus.folder.path().join("t"), target).unwrap();
        let message = format!("{:#}", corpus.open().unwrap_err());
        assert!(message.contains(expected), "{message}");
        assert_eq!(fs::read(corpus.path()).unwrap(), good);
        assert_eq!(fs::read_dir(corpus.folder.path()).unwrap().count(), 3);
    }
}

#[test]
fn a_text_that_changes_meanwhile_is_an_error() {
    let corpus = Corpus::new("ab\n", "cd\n");
    let source = corpus.folder.path().join("s");
    let path = corpus.path();
    let request =
        IndexRequest { text: &corpus.text, filters: FilterRecipe::default(), tokenizers: b"", vocabulary: 256, path: &path };
    let encode = |line: &str| {
        fs::write(&source, "longer than before\n").unwrap();
        line.bytes().map(u32::from).collect()
    };
    let message = TokenIndex::open_or_build(&request, encode, encode).unwrap_err().to_string();
    assert!(message.contains("changed while it was read"), "{message}");
    assert!(!path.exists());
}

/// More ids than are kept in memory here, and fewer.
fn sizes() -> [Corpus; 2] {
    ["abcdefgh\n".repeat(40), "ab\n".to_owned()].map(|text| Corpus::new(&text, &text))
}

#[test]
fn a_file_that_another_program_writes_to_is_an_error_and_no_crash() {
    let [large, small] = sizes();
    let harms: [fn(&fs::File, &[u8]); 3] = [
        |file, _| file.set_len(0).unwrap(),
        |file, good| file.set_len(good.len() as u64 / 2).unwrap(),
        |file, good| std::os::unix::fs::FileExt::write_all_at(file, &vec![0xff; good.len()], 0).unwrap(),
    ];
    for harm in harms {
        let (index, _) = large.open().unwrap();
        let last = index.len() - 1;
        assert_eq!(index.target(last).unwrap(), ids("abcdefgh"));
        let good = fs::read(large.path()).unwrap();
        // Times of change are as coarse as a tick of the system's clock.
        std::thread::sleep(std::time::Duration::from_millis(20));
        harm(&fs::File::options().write(true).open(large.path()).unwrap(), &good);
        for pair in [0, last] {
            let message = format!("{:#}", index.source(pair).unwrap_err());
            assert!(message.contains("index: another program wrote to it"), "{message}");
        }
        assert_eq!((index.line(last), index.source_length(last)), (40, 8), "these are in memory");

        let (index, _) = small.open().unwrap();
        harm(&fs::File::options().write(true).open(small.path()).unwrap(), &good);
        assert_eq!(index.source(0).unwrap(), ids("ab"), "all of it is in memory");
    }
}

#[test]
fn a_file_that_another_process_replaces_is_read_on() {
    for corpus in sizes() {
        let (index, _) = corpus.open().unwrap();
        let before = index.source(0).unwrap();
        fs::remove_file(corpus.path()).unwrap();
        fs::write(corpus.path(), "another one").unwrap();
        assert_eq!(index.source(0).unwrap(), before);
    }
}

#[test]
fn an_index_is_the_one_that_was_built_whoever_writes_to_its_place() {
    let corpus = Corpus::new("ab\n", "cd\n");
    let path = corpus.path();
    let request =
        IndexRequest { text: &corpus.text, filters: FilterRecipe::default(), tokenizers: b"", vocabulary: 256, path: &path };
    let other = Corpus::new("xyz\n", "z\n");
    // Links of this name lead nowhere else: the index takes their place.
    std::os::unix::fs::symlink(other.folder.path().join("s"), &path).unwrap();
    let encode = |line: &str| line.bytes().map(u32::from).collect();
    let (index, report) = TokenIndex::open_or_build(&request, encode, encode).unwrap();
    assert_eq!((index.source(0).unwrap(), report.reused), (ids("ab"), false));
    assert_eq!(fs::read_to_string(other.folder.path().join("s")).unwrap(), "xyz\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn gives_back_what_was_put_in(pairs in prop::collection::vec(("[^\n\r]{0,8}", "[^\n\r]{0,8}"), 1..30)) {
        let side = |text: fn(&(String, String)) -> &str| pairs.iter().map(|pair| text(pair).to_owned() + "\n").collect::<String>();
        let corpus = Corpus::new(&side(|pair| &pair.0), &side(|pair| &pair.1));
        let kept: Vec<usize> = (0..pairs.len())
            .filter(|&at| !pairs[at].0.trim().is_empty() && !pairs[at].1.trim().is_empty())
            .collect();
        match corpus.open() {
            Err(_) => prop_assert!(kept.is_empty()),
            Ok((index, _)) => {
                prop_assert_eq!(index.len(), kept.len());
                for (pair, &at) in kept.iter().enumerate() {
                    prop_assert_eq!(index.source(pair).unwrap(), ids(&pairs[at].0));
                    prop_assert_eq!(index.target(pair).unwrap(), ids(&pairs[at].1));
                    prop_assert_eq!(index.line(pair), at + 1);
                }
            }
        }
    }
}
