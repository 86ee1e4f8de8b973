//! docs/chapter, the chapter as a book: its commands are understood, its pictures are left by the commands before them, and its index is right.
//! That links, paths, options and make targets exist is seen to in `readme.rs`, as for every page.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use regex::Regex;

use crate::readme::{TARGUM, fenced, files, read, root};

const BOOK: &str = "docs/chapter/src";

fn pages() -> Vec<PathBuf> {
    let mut pages = files(BOOK, "md");
    pages.retain(|page| page.file_name().unwrap() != "SUMMARY.md");
    pages
}

#[test]
fn the_summary_has_every_page() {
    let summary = read(&root().join(BOOK).join("SUMMARY.md"));
    let listed: Vec<String> =
        Regex::new(r"\]\(([a-z-]+\.md)\)").unwrap().captures_iter(&summary).map(|found| found[1].to_owned()).collect();
    let names: BTreeSet<String> = pages().iter().map(|page| page.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), names);
    assert_eq!(listed.len(), names.len(), "a page is listed twice");
}

/// A command as it is typed, asked for no more than whether it is understood: trainings for their recipe, others for their help.
fn understood(line: &str) -> Result<(), String> {
    let ask = if line.starts_with("train ") { "--print-recipe" } else { "--help" };
    let line = format!("{TARGUM} {line} {ask}");
    let output = Command::new("bash").args(["-c", &line]).current_dir(root()).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(format!("{line}\n{}", String::from_utf8_lossy(&output.stderr))) }
}

/// Every training, and of other commands one of each that have the same options: some sixty processes, four at a time.
#[test]
fn every_command_is_understood() {
    let call = Regex::new(r"(?:^|\| )targum (.+)$").unwrap();
    let lines: Vec<String> = pages()
        .iter()
        .flat_map(|page| fenced(&read(page), "sh"))
        .flat_map(|block| block.lines().filter_map(|line| Some(call.captures(line)?[1].to_owned())).collect::<Vec<_>>())
        .collect();
    assert!(lines.len() > 60, "{}", lines.len());
    let mut seen = BTreeSet::new();
    let mut is_new = |line: &String| {
        let options = line.split(' ').enumerate().filter(|(place, word)| *place == 0 || word.starts_with("--"));
        line.starts_with("train ") || seen.insert(options.map(|(_, word)| word.to_owned()).collect::<Vec<_>>())
    };
    let lines: Vec<String> = lines.into_iter().filter(|line| is_new(line)).collect();
    let problems: Vec<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = lines
            .chunks(lines.len().div_ceil(4))
            .map(|lines| scope.spawn(|| lines.iter().filter_map(|line| understood(line).err()).collect::<Vec<_>>()))
            .collect();
        asked.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// As scripts/chapter.sh reads it: a picture belongs to the block before it.
#[test]
fn every_picture_is_left_by_the_block_before_it() {
    let part = Regex::new(r"(?ms)^```sh\n(.*?)^```$|^<!-- picture: (\S+) \| [^\n]+ -->$").unwrap();
    let left = Regex::new(r"(?m)(?:--heatmaps?|--picture) (pictures/\S+)|^cp \S+ (pictures/\S+)$").unwrap();
    let mut seen = BTreeSet::new();
    for page in pages() {
        let mut prefixes: Vec<String> = Vec::new();
        let text = read(&page);
        for found in part.captures_iter(&text) {
            if let Some(block) = found.get(1) {
                let of = left.captures_iter(block.as_str());
                prefixes = of.map(|found| found.get(1).or(found.get(2)).unwrap().as_str().to_owned()).collect();
            } else {
                let picture = &found[2];
                assert!(
                    picture.ends_with(".svg") && prefixes.iter().any(|prefix| picture.starts_with(prefix)),
                    "{}: {picture} is not left by the commands before it, which leave {prefixes:?}",
                    page.display()
                );
                assert!(seen.insert(picture.to_owned()), "{}: {picture} is there twice", page.display());
            }
        }
        assert_eq!(text.matches("<!--").count(), text.matches("<!-- picture: ").count(), "{}: a comment", page.display());
    }
    assert!(seen.len() > 30, "{}", seen.len());
}

/// The longer words of each term stand on the page that the index sends its reader to (`readme.rs` holds that the heading is there).
#[test]
fn every_term_of_the_index_is_on_its_page() {
    let index = read(&root().join(BOOK).join("terms.md"));
    let row = Regex::new(r"(?m)^\| ([^|]+) \|[^|]*\| \[[^]]+\]\(([a-z-]+\.md)#[a-z0-9-]+\) \|$").unwrap();
    let terms: Vec<(String, String)> =
        row.captures_iter(&index).map(|found| (found[1].to_lowercase(), found[2].to_owned())).collect();
    assert_eq!(terms.len() + 2, index.lines().filter(|line| line.starts_with('|')).count(), "a row is no term with a link");
    assert!(terms.len() > 100 && terms.is_sorted(), "{} terms, sorted: {}", terms.len(), terms.is_sorted());
    for (term, page) in terms {
        let text = read(&root().join(BOOK).join(&page)).to_lowercase();
        let name = term.split([',', '(']).next().unwrap();
        for word in name.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 3) {
            assert!(text.contains(word), "{page} does not say `{word}` of `{term}`");
        }
    }
}
