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

/// A module's path under `src`: `search::beam`, and `search` for its `mod.rs`.
type Module = Vec<String>;

fn module_of(file: &Path) -> Module {
    let path = file.with_extension("");
    let mut parts: Module = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|name| name == "mod") {
        parts.pop();
    }
    parts
}

/// The paths that a `use` names, braces written out.
fn written_out(tree: &str, prefix: &[String]) -> Vec<Module> {
    let tree = tree.trim();
    let parts =
        |path: &str| path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let Some((head, braces)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap();
        return if path.is_empty() { Vec::new() } else { vec![[prefix, &parts(path)].concat()] };
    };
    let prefix = [prefix, &parts(head)].concat();
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    let inside = &braces[..braces.rfind('}').unwrap()];
    for (at, character) in inside.char_indices().chain([(inside.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(written_out(&inside[start..at], &prefix));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// What a module uses, and whether it hands it on.
type Uses = BTreeMap<Module, Vec<(bool, Module)>>;

/// The module that a path used in `of` comes from, through names that are handed on.
fn source_of(of: &Module, path: &[String], uses: &Uses, depth: usize) -> Option<Module> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let absolute: Module = match path[0].as_str() {
        "crate" => path[1..].to_vec(),
        "super" => [&of[..of.len().checked_sub(ups)?], &path[ups..]].concat(),
        _ => [of.as_slice(), path].concat(),
    };
    let length = (1..=absolute.len()).rev().find(|&length| uses.contains_key(&absolute[..length]))?;
    let (module, rest) = (absolute[..length].to_vec(), &absolute[length..]);
    let handed_on = rest.first().filter(|_| depth < 5).and_then(|name| {
        let matching = uses[&module].iter().filter(|(public, used)| *public && used.last() == Some(name));
        matching.filter_map(|(_, used)| source_of(&module, used, uses, depth + 1)).next()
    });
    Some(handed_on.unwrap_or(module))
}

/// Files beside each other use each other in no circle. A folder's files and its `mod.rs` are one thing and may speak to each other, and a
/// grammar is recursive.
#[test]
fn files_of_a_room_use_each_other_in_no_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let statement = Regex::new(r"(?m)^(pub(?:\([a-z: ]+\))? )?use ([^;]+);").unwrap();
    let comment = Regex::new(r"(?m)//.*$").unwrap();
    let uses: Uses = files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            let text = comment.replace_all(&text, "").into_owned();
            let used = statement.captures_iter(&text).flat_map(|found| {
                let public = found.get(1).is_some();
                written_out(&found[2], &[]).into_iter().map(move |path| (public, path))
            });
            (module_of(file.strip_prefix(&source).unwrap()), used.collect())
        })
        .collect();
    let related = |one: &Module, other: &Module| one.starts_with(other) || other.starts_with(one);
    let below = |module: &Module| -> Vec<Module> {
        let found = uses[module].iter().filter_map(|(_, path)| source_of(module, path, &uses, 0));
        found.filter(|other| other[0] == module[0] && !related(other, module)).collect()
    };
    let mut seen = 0;
    for start in uses.keys().filter(|module| module.len() > 1 && module[0] != "synth") {
        let (mut open, mut reached) = (below(start), std::collections::BTreeSet::new());
        while let Some(module) = open.pop() {
            seen += 1;
            assert_ne!(&module, start, "{} uses itself by way of others: {reached:?}", start.join("/"));
            if reached.insert(module.clone()) {
                open.extend(below(&module));
            }
        }
    }
    assert!(seen > 200, "the test sees too few uses to mean anything: {seen}");
}

/// The two paths that `docs/house.md` draws are short, and their files exist.
#[test]
fn both_paths_through_the_house_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/house.md")).unwrap();
    let file = Regex::new(r"^\d+\. `(src/[\w/]+\.rs)`").unwrap();
    for (path, most) in [("**A line to its translation**", 20), ("**A batch to its update**", 14)] {
        let (_, drawn) = text.split_once(path).unwrap_or_else(|| panic!("docs/house.md: no {path}"));
        let steps = drawn.lines().skip_while(|line| !file.is_match(line)).take_while(|line| !line.is_empty());
        let files: Vec<String> = steps.filter_map(|line| Some(file.captures(line)?[1].to_owned())).collect();
        assert!(files.len() > 8 && files.len() <= most, "{path}: {} files", files.len());
        for file in files {
            assert!(root.join(&file).exists(), "docs/house.md: no {file}");
        }
    }
}
