//! Multi30k, task 1: descriptions of 31,014 pictures in English, German and French (Elliott, Frank, Sima'an and Specia 2016, "Multi30K:
//! Multilingual English-German Image Descriptions"; Elliott, Frank, Barrault, Bougares and Specia 2017 for French). Fetched, never kept here.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use ureq::Agent;

use super::{download, read};
use crate::checksum;
use crate::runtime::files::{AtomicFile, Shown, clear_partials};

/// The public files.
const BASE: &str = "https://github.com/multi30k/dataset/raw/master/data/task1/raw";

/// The languages that [`multi30k`] knows.
pub const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

/// A file of the corpus.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// What it is called here, and at its origin, before the language's extension.
    name: &'static str,
    original: &'static str,
    language: &'static str,
    /// SHA-256 of the text.
    sha256: &'static str,
}

const fn entry(name: &'static str, original: &'static str, language: &'static str, sha256: &'static str) -> Entry {
    Entry { name, original, language, sha256 }
}

#[rustfmt::skip]
const FILES: [Entry; 9] = [
    entry("train", "train", "en", "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
    entry("train", "train", "de", "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
    entry("train", "train", "fr", "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d"),
    entry("validation", "val", "en", "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
    entry("validation", "val", "de", "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
    entry("validation", "val", "fr", "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc"),
    entry("test_2016_flickr", "test_2016_flickr", "en", "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182"),
    entry("test_2016_flickr", "test_2016_flickr", "de", "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16"),
    entry("test_2016_flickr", "test_2016_flickr", "fr", "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6"),
];

/// What [`multi30k`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multi30k {
    pub written: Vec<PathBuf>,
    /// Files that were there already, with the right checksum.
    pub present: Vec<PathBuf>,
}

impl fmt::Display for Multi30k {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, paths) in [("wrote", &self.written), ("already there", &self.present)] {
            for path in paths {
                writeln!(formatter, "{what}: {}", path.shown())?;
            }
        }
        write!(formatter, "every checksum is right: {} files", self.written.len() + self.present.len())
    }
}

/// Writes `{train,validation,test_2016_flickr}.LANGUAGE` into `directory`, as text, one sentence a line: 29,000, 1,014 and 1,000 of them. Line n of
/// all languages is of the same picture. Files come from the folder `from`, under their original names (`train`, `val`, `test_2016_flickr`) and
/// compressed or not, or else from the net. A file that is there already is left alone: it is the right one, or the user's.
///
/// # Errors
/// Unknown languages; another file of such a name; files missing in `from`; a failed download, which can be continued; a wrong checksum.
pub fn multi30k(directory: &Path, from: Option<&Path>, languages: &[&str]) -> Result<Multi30k> {
    for language in languages {
        ensure!(LANGUAGES.contains(language), "Multi30k: no language {language:?}, expected some of {}", LANGUAGES.join(", "));
    }
    let origin = match from {
        Some(folder) => Origin::Folder(folder),
        None => Origin::Net { agent: download::agent(), base: BASE },
    };
    let mut done = Multi30k::default();
    clear_partials(directory);
    for entry in FILES.iter().filter(|entry| languages.contains(&entry.language)) {
        place(entry, &origin, directory, &mut done)?;
    }
    Ok(done)
}

/// Where files come from.
enum Origin<'a> {
    Folder(&'a Path),
    Net { agent: Agent, base: &'a str },
}

fn place(entry: &Entry, origin: &Origin, directory: &Path, done: &mut Multi30k) -> Result<()> {
    let destination = directory.join(format!("{}.{}", entry.name, entry.language));
    if fs::symlink_metadata(&destination).is_ok() {
        // Never half a file of this command's: those have other names until they are whole.
        ensure!(
            destination.is_file() && checksum::of_file(&destination)? == entry.sha256,
            "{}: is there already, and is not Multi30k's {}.{}; name another folder with --out, or move the file away",
            destination.shown(),
            entry.name,
            entry.language
        );
        done.present.push(destination);
        return Ok(());
    }
    match origin {
        Origin::Folder(folder) => unpack(&find(folder, entry)?, entry, &destination)?,
        Origin::Net { agent, base } => fetch(agent, base, entry, &destination).with_context(|| {
            format!("{}: cannot fetch; --from DIR takes the files from a folder instead", destination.shown())
        })?,
    }
    done.written.push(destination);
    Ok(())
}

fn find(folder: &Path, entry: &Entry) -> Result<PathBuf> {
    let names = [entry.original, entry.name].map(|name| format!("{name}.{}", entry.language));
    let candidates = names.iter().flat_map(|name| [format!("{name}.gz"), name.clone()]);
    match candidates.map(|name| folder.join(name)).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!("{}: no file {1}.gz or {1} in this folder", folder.shown(), names[0]),
    }
}

fn fetch(agent: &Agent, base: &str, entry: &Entry, destination: &Path) -> Result<()> {
    let name = format!("{}.{}.gz", entry.original, entry.language);
    let url = format!("{base}/{name}");
    let packed = destination.with_file_name(name);
    let folder = destination.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make this folder", folder.shown()))?;
    let resumed = download::partial(&packed).exists();
    let unpacked = |partial: PathBuf| {
        let result = unpack(&partial, entry, destination);
        fs::remove_file(&partial).with_context(|| format!("{}: cannot remove", partial.shown()))?;
        result
    };
    match unpacked(download::download(agent, &url, &packed)?) {
        // The beginning may have been that of another file.
        Err(_) if resumed => unpacked(download::download(agent, &url, &packed)?),
        result => result,
    }
    .with_context(|| format!("{url}: not what was expected"))
}

/// Writes the text of `file` to `destination` if it is the right one.
fn unpack(file: &Path, entry: &Entry, destination: &Path) -> Result<()> {
    let unreadable = || format!("{}: cannot read", file.shown());
    let mut input = read::open_decompressed(file).with_context(unreadable)?;
    let mut output = AtomicFile::create(destination)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        let length = match input.read(&mut block) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            length => length.with_context(unreadable)?,
        };
        if length == 0 {
            break;
        }
        hasher.update(&block[..length]);
        output.write_all(&block[..length]).with_context(|| format!("{}: cannot write", destination.shown()))?;
    }
    let found = format!("{:x}", hasher.finalize());
    ensure!(
        found == entry.sha256,
        "{}: its text has the SHA-256 sum {found}, expected {}: it is damaged or of another version",
        file.shown(),
        entry.sha256
    );
    output.commit().map(drop)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::corpus::test_server::{Behaviour, Server};

    const TEXT: &[u8] = b"One boat.\nTwo boats on a lake.\n";
    const ENTRY: Entry = entry("validation", "val", "en", "e1531fffba0f18b847026398751948ed95276855007ae094a427605d193fd42d");

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn from_net(server: &Server, directory: &Path) -> Result<Multi30k> {
        let mut done = Multi30k::default();
        let origin = Origin::Net { agent: server.agent(), base: &server.url("/raw") };
        place(&ENTRY, &origin, directory, &mut done).map(|()| done)
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn fetches_unpacks_and_then_leaves_alone() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("multi30k");
        let server = Server::start(Behaviour::Ranges, &[("/raw/val.en.gz", &gzip(TEXT))]);
        assert_eq!(from_net(&server, &directory).unwrap().written, [directory.join("validation.en")]);
        assert_eq!(names(&directory), ["validation.en"]);
        assert_eq!(fs::read(directory.join("validation.en")).unwrap(), TEXT);
        assert_eq!(from_net(&server, &directory).unwrap().present, [directory.join("validation.en")]);
        assert_eq!(server.ranges().len(), 1);
        fs::write(directory.join("validation.en"), "The user's own.").unwrap();
        let message = from_net(&server, &directory).unwrap_err().to_string();
        assert!(message.contains("validation.en: is there already, and is not Multi30k's"), "{message}");
        assert_eq!(fs::read(directory.join("validation.en")).unwrap(), b"The user's own.");
    }

    #[test]
    fn continues_a_download_and_mends_a_wrong_beginning() {
        let packed = gzip(TEXT);
        let server = Server::start(Behaviour::Ranges, &[("/raw/val.en.gz", &packed)]);
        for (beginning, ranges) in [(&packed[..20], 1), (&[0x1f, 0x8b, 7, 7, 7][..], 3)] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("val.en.gz.part"), beginning).unwrap();
            from_net(&server, folder.path()).unwrap();
            assert_eq!(names(folder.path()), ["validation.en"]);
            assert_eq!(server.ranges().len(), ranges);
        }
        assert_eq!(server.ranges(), ["bytes=20-", "bytes=5-", ""]);
    }

    #[test]
    fn a_wrong_checksum_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Behaviour::Ranges, &[("/raw/val.en.gz", &gzip(b"Three boats.\n"))]);
        let message = format!("{:#}", from_net(&server, folder.path()).unwrap_err());
        for part in ["--from", "/raw/val.en.gz", "SHA-256", ENTRY.sha256] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn takes_a_folder_in_any_form_and_names_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, directory) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir(&from).unwrap();
        let run = || place(&ENTRY, &Origin::Folder(&from), &directory, &mut Multi30k::default());
        let message = run().unwrap_err().to_string();
        assert!(message.contains("from: no file val.en.gz or val.en"), "{message}");
        for (name, bytes) in [("val.en.gz", gzip(TEXT)), ("val.en", TEXT.to_vec()), ("validation.en", TEXT.to_vec())] {
            fs::write(from.join(name), bytes).unwrap();
            run().unwrap();
            assert_eq!(fs::read(directory.join("validation.en")).unwrap(), TEXT);
            fs::remove_file(from.join(name)).unwrap();
            fs::remove_file(directory.join("validation.en")).unwrap();
        }
        fs::write(from.join("val.en.gz"), &gzip(TEXT)[..30]).unwrap();
        let message = run().unwrap_err().to_string();
        assert!(message.contains("val.en.gz: cannot read"), "{message}");
        assert_eq!(names(&directory), [""; 0]);
    }

    #[test]
    fn refuses_unknown_languages() {
        let message = multi30k(Path::new("unused"), None, &["en", "it"]).unwrap_err().to_string();
        assert!(message.contains("\"it\"") && message.contains("en, de, fr"), "{message}");
    }

    /// The pinned checksums are those of the real corpus.
    #[test]
    fn takes_the_real_corpus() {
        let from = Path::new("../shared/data/multi30k");
        if !from.is_dir() {
            crate::runtime::message!("skipped: no {}", from.shown());
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let done = multi30k(folder.path(), Some(from), &LANGUAGES).unwrap();
        assert_eq!(done.written.len(), 9);
        let text = read::ParallelText::files(folder.path().join("train.en"), folder.path().join("train.de"));
        assert_eq!(text.check().unwrap(), 29_000);
    }
}
