//! Associative memories that hold patterns of one's own, asked by `targum try`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Ran, arguments, targum, with_input};

/// A smile, a frown and a cross of seven by six dots.
const FACES: &str = "\
smile:
.##.##.
.##.##.
.......
#.....#
.#...#.
..###..

frown:
.##.##.
.##.##.
.......
..###..
.#...#.
#.....#

cross:
#.....#
.##.##.
..###..
..###..
.##.##.
#.....#
";
const SMILE: [&str; 6] = [".##.##.", ".##.##.", ".......", "#.....#", ".#...#.", "..###.."];

fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name)
}

fn store(patterns: &[&Path], options: &str, out: &Path) -> Ran {
    let mut words = arguments(&format!("train {{}} --out {{}} {options}"), &[&config("hopfield-recall.toml"), out]);
    words.extend(["--set".into(), format!("task.hopfield-recall.patterns={}", json!(patterns)).into()]);
    targum(words)
}

fn ask(model: &Path, input: &str) -> Ran {
    with_input(arguments("try --model {}", &[model]), input)
}

fn record(model: &Path, input: &str) -> Value {
    with_input(arguments("try --model {} --format jsonl", &[model]), input).good().json_lines().remove(0)
}

/// A grey PNG of 7 by 6 pixels, dark where a dot is drawn.
fn png(path: &Path, rows: &[&str]) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), rows[0].len() as u32, rows.len() as u32);
    encoder.set_color(png::ColorType::Grayscale);
    let pixels: Vec<u8> = rows.iter().flat_map(|row| row.bytes().map(|dot| if dot == b'#' { 30 } else { 220 })).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

#[test]
fn bitmaps_of_ones_own_are_stored_and_asked() {
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::write(path("faces.txt"), FACES).unwrap();
    png(&path("arrow.png"), &["...#...", "..###..", ".#####.", "...#...", "...#...", "...#..."]);
    let run = path("run");
    let told = store(&[&path("faces.txt"), &path("arrow.png")], "", &run).good();
    assert!(told.stderr.contains("4 bitmaps of 7×6 dots, stored by pseudo-inverse"), "{}", told.stderr);
    for picture in ["bitmaps.svg", "bitmaps.png", "energy.svg"] {
        assert!(run.join(picture).exists(), "{picture}");
    }

    // Row by row, the last ones unknown: full without a blank line.
    let cue = format!("{}\n{}\n{}\n{}\n???????\n???????\n", SMILE[0], SMILE[1], SMILE[2], SMILE[3]);
    let answered = ask(&run, &cue).good();
    assert_eq!(answered.lines()[..6], SMILE);
    assert!(answered.lines()[6].starts_with("smile: overlap 1.000, energy -"), "{}", answered.stdout);

    // As JSON, with a wrong dot; by frames that lead from the cue to the answer while the energy falls.
    let mut rows = SMILE;
    rows[2] = "...#...";
    let found = record(&run, &format!("{}\n", json!({ "rows": rows })));
    assert_eq!((&found["cue"], &found["answer"], &found["settled"]), (&json!(rows), &json!(SMILE), &json!(true)), "{found}");
    let energies: Vec<f64> = found["energies"].as_array().unwrap().iter().map(|energy| energy.as_f64().unwrap()).collect();
    assert!(energies.len() > 1 && energies.windows(2).all(|pair| pair[1] < pair[0]), "{found}");
    let frames = found["frames"].as_array().unwrap();
    assert_eq!((&frames[0]["rows"], &frames[frames.len() - 1]["rows"]), (&json!(rows), &json!(SMILE)));
    let numbers: Vec<i32> = SMILE.concat().chars().map(|dot| if dot == '#' { 1 } else { -1 }).collect();
    assert_eq!(record(&run, &format!("{}\n", json!({ "pattern": numbers })))["name"], "smile");

    // Files: an image by its path, and all that was stored.
    png(&path("cue.png"), &["...#...", "..###..", ".#####.", "...#...", "...#...", "......."]);
    assert_eq!(record(&run, &format!("{}\n", path("cue.png").display()))["name"], "arrow");
    let named = targum(arguments("try --model {} --format jsonl {}", &[&run, &path("faces.txt")])).good();
    let names: Vec<Value> = named.json_lines().into_iter().map(|record| record["name"].clone()).collect();
    assert_eq!(names, ["smile", "frown", "cross"]);

    let pictures = path("pictures");
    with_input(arguments("try --model {} --heatmaps {}", &[&run, &pictures]), cue).good();
    let strip = fs::read_to_string(pictures.join("line-6-recall.svg")).unwrap();
    assert!(strip.contains("smile: overlap 1.000") && strip.contains(">cue<"), "{strip}");
    assert!(pictures.join("line-6-recall.png").exists() && pictures.join("line-6-energy.svg").exists());

    let told = targum(arguments("inspect {}", &[&run])).good();
    for part in ["study        hopfield-recall", "a bitmap of 7×6 dots", "\"rule\": \"pseudo-inverse\""] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    // Other rules, of the same run.
    for rule in ["hebb", "storkey", "modern"] {
        targum(arguments(&format!("train {{}} --resume --set task.hopfield-recall.rule={rule}"), &[&run])).good();
        let found = record(&run, &format!("{}\n", json!({ "rows": SMILE })));
        assert_eq!(found["name"], "smile", "{rule}");
    }
}

#[test]
fn bitmaps_that_cannot_be_stored_or_asked_are_named() {
    let place = TempDir::new().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::write(path("faces.txt"), FACES).unwrap();
    fs::write(path("small.txt"), "##\n..\n").unwrap();
    fs::write(path("torn.txt"), "##\n.\n").unwrap();
    fs::write(path("unknown.txt"), "#?\n").unwrap();
    fs::write(path("words.txt"), "##\nhello\n").unwrap();
    fs::write(path("broken.png"), b"\x89PNG\r\n\x1a\nnot an image").unwrap();
    let run = path("run");
    let refused = |files: &[&str], parts: &[&str]| {
        let files: Vec<PathBuf> = files.iter().map(|name| path(name)).collect();
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        drop(store(&files, "", &run).failed(1, parts));
    };
    let sizes = ["small.txt: \"small\" is a bitmap of 2×2 dots, but those before it are of 7×6 dots", "must be of one size"];
    refused(&["faces.txt", "small.txt"], &sizes);
    refused(&["torn.txt"], &["torn.txt:1: the bitmap that begins here", "row 2 has 1 dots, the first has 2"]);
    refused(&["unknown.txt"], &["unknown.txt: \"unknown\" has unknown dots (`?`)"]);
    refused(&["words.txt"], &["words.txt:2: \"hello\" is no row of a bitmap"]);
    refused(&["broken.png"], &["broken.png: cannot read the image"]);
    refused(&["nowhere.txt"], &["nowhere.txt: cannot read bitmaps"]);

    store(&[&path("faces.txt")], "", &run).good();
    for (input, part) in [
        ("##.\n", "line 1: row 1 of the bitmap has 3 dots, but this memory holds bitmaps of 7×6 dots"),
        (".......\n.......\n\n", "line 3: a bitmap of 7×2 dots, but this memory holds bitmaps of 7×6 dots"),
        (".......\n", "line 1: a bitmap of 7×1 dots, but"),
        ("{\"rows\": [\"##\", \"##\"]}\n", "line 1: a bitmap of 2×2 dots, but"),
        ("{\"pattern\": [1, -1]}\n", "`pattern` has 2 numbers, but this memory holds bitmaps of 7×6 dots, 42 numbers"),
        ("{\"faces\": 3}\n", "line 1: not the JSON that was expected"),
        ("hello\n", "\"hello\" is neither a row of a bitmap (`#`, `.` and `?`) nor a file"),
    ] {
        ask(&run, input).failed(1, &[part, "this model takes a bitmap of 7×6 dots"]);
    }
    let two = json!({ "pattern": vec![2; 42] });
    ask(&run, &format!("{two}\n")).failed(1, &["number 1 of `pattern` is 2, expected 1 (drawn), -1 (not drawn) or 0 (unknown)"]);
    let small = format!("{}\n", path("small.txt").display());
    ask(&run, &small).failed(1, &["a bitmap of 2×2 dots, but this memory holds bitmaps of 7×6 dots"]);
}

#[test]
fn more_patterns_than_a_memory_holds_are_told_of() {
    let place = TempDir::new().unwrap();
    let (file, run) = (place.path().join("many.txt"), place.path().join("run"));
    // Dots by a linear congruence: sixteen patterns of twenty dots.
    let mut state = 12_345u64;
    let mut row = |_| {
        let dot = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 63 == 0 { '.' } else { '#' }
        };
        (0..5).map(dot).collect::<String>()
    };
    let many = |count: usize, row: &mut dyn FnMut(usize) -> String| {
        (0..count).map(|_| (0..4).map(&mut *row).collect::<Vec<_>>().join("\n")).collect::<Vec<_>>().join("\n\n")
    };
    let first = (0..4).map(&mut row).collect::<Vec<_>>().join("\n");
    fs::write(&file, format!("{first}\n\n{}\n", many(15, &mut row))).unwrap();
    let told = store(&[&file], "--set task.hopfield-recall.rule=hebb", &run).good();
    for part in [
        "16 patterns of N = 20 dots are more than hebb holds: about 0.138 N = 2.8",
        "end in mixtures",
        "do not stay as they are stored",
    ] {
        assert!(told.stderr.contains(part), "{part}: {}", told.stderr);
    }
    let asked = ask(&run, &format!("{first}\n")).good();
    assert!(asked.stderr.contains("16 patterns of N = 20 dots are more than hebb holds"), "{}", asked.stderr);
    // Not even N of them for the pseudo-inverse.
    fs::write(&file, format!("{}\n", many(21, &mut row))).unwrap();
    let out = place.path().join("other");
    store(&[&file], "", &out).failed(1, &["task.hopfield-recall.patterns", "21 patterns for 20 units, expected at most 20"]);
    let told = store(&[&file], "--set task.hopfield-recall.rule=modern", &place.path().join("modern")).good();
    assert!(told.stderr.contains("without pseudo-inverse"), "{}", told.stderr);
}

#[test]
fn updates_of_all_units_at_once_by_chance_and_graded_ones_answer() {
    let place = TempDir::new().unwrap();
    let (file, run) = (place.path().join("faces.txt"), place.path().join("run"));
    fs::write(&file, FACES).unwrap();
    let updates = |updates: &str| {
        let more = "--resume --set task.hopfield-recall.cues=2 --set task.hopfield-recall.temperature=0.1";
        store(&[&file], &format!("{more} --set task.hopfield-recall.updates={updates}"), &run).good();
        with_input(arguments("try --model {} --format jsonl", &[&run]), format!("{}\n", SMILE.join("\n"))).good()
    };
    for (name, settled, note) in [
        ("sequential", true, ""),
        ("synchronous", true, ""),
        ("continuous", true, ""),
        ("glauber", false, "at its temperature it never rests"),
    ] {
        let told = updates(name);
        let found = told.json_lines().remove(0);
        assert_eq!((&found["name"], &found["settled"]), (&json!("smile"), &json!(settled)), "{name}: {found}");
        assert!(told.stderr.contains(note), "{name}: {}", told.stderr);
    }
    let options = "--set task.hopfield-recall.rule=modern --set task.hopfield-recall.bias=0.1";
    store(&[&file], options, &place.path().join("modern"))
        .failed(1, &["task.hopfield-recall.rule: is modern, which has neither"]);
}

#[test]
fn a_face_recalls_its_name_and_a_name_its_face() {
    let place = TempDir::new().unwrap();
    let (file, run) = (place.path().join("faces.txt"), place.path().join("run"));
    fs::write(&file, FACES).unwrap();
    let mut words = arguments("train {} --out {} --set task.hopfield-pairs.tested=5", &[&config("hopfield-pairs.toml"), &run]);
    words.extend(["--set".into(), format!("task.hopfield-pairs.patterns={}", json!([&file])).into()]);
    let told = targum(words).good();
    assert!(told.stderr.contains("3 pairs of 42 dots and a name in 160 signs"), "{}", told.stderr);
    assert!(run.join("names.svg").exists() && run.join("capacity.png").exists());
    let mut rows = SMILE;
    rows[0] = "???????";
    let found = record(&run, &format!("{}\n", rows.join("\n")));
    assert_eq!((&found["name"], &found["answer"], &found["settled"]), (&json!("smile"), &json!(SMILE), &json!(true)), "{found}");
    let found = record(&run, "Smile\n");
    assert_eq!((&found["answer"], &found["nearest"]), (&json!(SMILE), &json!("smile")), "{found}");
    ask(&run, "somebody else\n")
        .failed(1, &["the name \"somebody else\" has 13 characters, but this memory holds names of at most 5"]);
    ask(&run, "##\n").failed(1, &["this memory holds bitmaps of 7×6 dots"]);
    assert!(ask(&run, "frawn\n").good().stdout.contains("frown: overlap with frown 1.000"));
}
