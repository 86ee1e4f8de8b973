//! Small files that hold gigabytes: every command that reads text says where the line is that is none, in bounded memory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Ran, arguments, command, ran, shared, targum, with_input};

/// Runs `targum` with at most so many megabytes of memory of its own.
fn within(megabytes: u64, words: &str, paths: &[&Path]) -> Ran {
    let program = command(arguments(words, paths));
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -d {} && exec \"$0\" \"$@\"", megabytes * 1024)]);
    limited.arg(program.get_program()).args(program.get_args());
    for (key, value) in program.get_envs() {
        limited.env(key, value.unwrap());
    }
    ran(limited.output().unwrap())
}

/// Ten gigabytes of zeros: the same packed bytes again and again.
fn bombs(folder: &Path) -> [PathBuf; 2] {
    let zeros = vec![0; 64 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&zeros).unwrap();
    [("zeros.gz", gzip.finish().unwrap()), ("zeros.zst", zstd::encode_all(&zeros[..], 1).unwrap())].map(|(name, bytes)| {
        let path = folder.join(name);
        fs::write(&path, bytes.repeat(160)).unwrap();
        path
    })
}

#[test]
fn a_bomb_is_a_line_that_is_too_long_wherever_text_is_read() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let (model, recipe, en, fr) = (shared().run(), shared().recipe(), shared().corpus("test.en"), shared().corpus("test.fr"));
    for bomb in bombs(place.path()) {
        let name = bomb.file_name().unwrap().to_str().unwrap();
        let said = format!("{name}:1: the line is longer than 1048576 bytes");
        let train = |setting: &str| format!("train {{}} --out {{}} --set {setting}");
        let of = |key: &str| train(&format!("{key}={{tsv={bomb:?}}}"));
        let guided = train(&format!("data.alignment={bomb:?} --set training.guided_alignment={{}}"));
        let gold = train(&format!("data.test={{prefix={:?},gold={bomb:?}}}", shared().corpus("test")));
        let commands: [(&str, &[&Path]); 15] = [
            ("data check --source {} --target {}", &[&en, &bomb]),
            ("data check --tsv {}", &[&bomb]),
            ("evaluate --reference {} --hypothesis {}", &[&fr, &bomb]),
            ("evaluate --reference {} --hypothesis {} --by-length {}", &[&fr, &fr, &bomb]),
            ("evaluate --alignment {} --gold {} --gold-base 0", &[&bomb, &fr]),
            ("translate --model {} {}", &[&model, &bomb]),
            ("translate --model {} {} --glossary {}", &[&model, &en, &bomb]),
            ("translate --model {} {} --replace-unknown {}", &[&model, &en, &bomb]),
            ("align --model {} --source {} --target {}", &[&model, &en, &bomb]),
            ("score --model {} --source {} --target {}", &[&model, &bomb, &fr]),
            (&of("data.train"), &[&recipe, &out]),
            (&of("data.validation"), &[&recipe, &out]),
            (&of("data.test"), &[&recipe, &out]),
            (&guided, &[&recipe, &out]),
            (&gold, &[&recipe, &out]),
        ];
        for (words, paths) in commands {
            let found = within(2000, words, paths);
            assert!(found.code == Some(1) && found.stderr.contains(&said), "{words}: {:?}\n{}", found.code, found.stderr);
            let _ = fs::remove_dir_all(&out);
        }
    }
}

#[test]
fn the_longest_line_is_a_setting() {
    let place = tempfile::tempdir().unwrap();
    let long = place.path().join("long.tsv");
    fs::write(&long, format!("{0}\t{0}\n", "word ".repeat(150_000))).unwrap();
    targum(arguments("data check --tsv {}", &[&long])).failed(1, &["long.tsv:1: the line is longer than 1048576 bytes"]);
    let good = targum(arguments("data check --maximum-line-bytes 2000000 --tsv {}", &[&long])).good();
    assert!(good.stdout.starts_with("1 pairs"), "{}", good.stdout);
    targum(arguments("data check --maximum-line-bytes 0 --tsv {}", &[&long])).failed(2, &["--maximum-line-bytes"]);
    let few = with_input(arguments("translate --maximum-line-bytes 10 --model {}", &[&shared().run()]), "short\nnot so short\n");
    assert_eq!((few.code, few.lines().len()), (Some(1), 1), "{}", few.stderr);
    assert!(few.stderr.contains("standard input:2: the line is longer than 10 bytes"), "{}", few.stderr);
    let out = place.path().join("run");
    let words = "train {} --out {} --set data.maximum_line_bytes=30";
    targum(arguments(words, &[&shared().recipe(), &out])).failed(1, &["the line is longer than 30 bytes"]);
}

#[test]
fn gigabytes_of_short_lines_are_read_in_bounded_memory() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("lines.zst");
    // 2 GiB of text in lines of two bytes: 24 GB as strings.
    let lines = zstd::encode_all(&b"a\n".repeat(32 << 20)[..], 1).unwrap();
    fs::write(&path, lines.repeat(32)).unwrap();
    let ran = within(2000, "evaluate --reference {} --hypothesis {} --metrics bleu", &[&path, &path]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("takes more than 256 MiB, which is no text to be scored at once"), "{}", ran.stderr);
}

#[test]
fn files_that_are_no_text_are_not_read_whole() {
    let place = tempfile::tempdir().unwrap();
    let hole = |path: PathBuf| {
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        path
    };
    let recipe = hole(place.path().join("huge.toml"));
    let said = within(2000, "train {}", &[&recipe]);
    assert!(said.code == Some(1) && said.stderr.contains("huge.toml: larger than 1 MiB, which no recipe is"), "{said:?}");
    let model = place.path().join("model");
    let run = shared().run();
    let newest = super::support::checkpoints(&run).pop().unwrap();
    super::support::copy(&run.join(newest), &model);
    hole(model.join("tokenizer.json"));
    let said = within(2000, "translate --model {}", &[&model]);
    assert!(said.code == Some(1) && said.stderr.contains("tokenizer.json: broken or cut off (1099511627776 bytes, "), "{said:?}");
    let said = within(2000, "translate --no-verify --model {}", &[&model]);
    assert!(said.code == Some(1) && said.stderr.contains("tokenizer.json: cannot read"), "{said:?}");
}
