//! The house's floors: a room uses only rooms below it (docs/house.md).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Floor of each room, and whether it may know of tensors.
const ROOMS: &[(&str, u32, bool)] = &[
    ("cli", 11, true),
    ("studies", 10, true),
    ("tasks", 9, true),
    ("translator", 8, true),
    ("interop", 8, true),
    ("search", 7, true),
    ("checkpoint", 7, true),
    ("model", 6, true),
    ("batch", 5, true),
    ("memory", 5, true),
    ("attention", 4, true),
    ("train", 4, true),
    ("corpus", 4, false),
    ("nn", 3, true),
    ("alignment", 3, false),
    ("metrics", 3, false),
    ("text", 3, false),
    ("report", 3, false),
    ("recipe", 2, false),
    ("input", 1, false),
    ("checksum", 1, false),
    ("synth", 1, false),
    ("kernels", 1, true),
    ("picture", 1, false),
    ("runtime", 0, true),
];

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_room_uses_only_rooms_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let floors: BTreeMap<&str, (u32, bool)> = ROOMS.iter().map(|&(room, floor, tensors)| (room, (floor, tensors))).collect();
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let uses = Regex::new(r"\bcrate::(?:\{([^}]*)\}|(\w+))").unwrap();
    let tensors = Regex::new(r"\b(tch|torch_sys)::").unwrap();
    let mut problems = Vec::new();
    let mut seen = 0;
    for file in files {
        let relative = file.strip_prefix(&source).unwrap();
        let room = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        if room == "main" || room == "lib" {
            continue;
        }
        let Some(&(floor, may_know_tensors)) = floors.get(room.as_str()) else {
            problems.push(format!("{}: no floor is known for this room", relative.display()));
            continue;
        };
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for found in uses.captures_iter(line) {
                let names = found.get(1).or(found.get(2)).unwrap().as_str();
                for name in names.split(',').map(|name| name.trim().split("::").next().unwrap()) {
                    seen += 1;
                    match floors.get(name) {
                        Some((below, _)) if *below < floor || name == room => {}
                        Some(_) => problems.push(format!("{}:{}: {room} uses {name}", relative.display(), number + 1)),
                        None => {}
                    }
                }
            }
            if !may_know_tensors && tensors.is_match(line) {
                problems.push(format!("{}:{}: {room} knows of tensors", relative.display(), number + 1));
            }
        }
    }
    assert!(seen > 50, "the test sees too few uses to mean anything: {seen}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
