//! Damaged checkpoints: the right result or an error, whichever file it is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::chance::Chance;
use crate::process::Launch;
use crate::report::{Fault, copy_all};
use crate::setup::{SCORES, UPDATES, inspected, newest, train, translate, weights};

pub fn case(case: &mut Case) {
    case.tried();
    let setup = case.setup;
    let model = &setup.models[case.number as usize % setup.models.len()];
    match case.chance.below(5) {
        0 => {
            // The newest checkpoint of a run, another one, or what stands beside them.
            let out = case.folder.join("run");
            copy_all(&model.half, &out).expect("a copy");
            let newest = out.join(newest(&model.half).expect("a checkpoint"));
            let files = if case.chance.below(4) > 0 { files_of(&newest, &[]) } else { files_of(&out, &["recipe.toml"]) };
            let file = case.chance.pick(&files).clone();
            let what = damage(&mut case.chance, &file);
            let updates = format!("--set=training.updates={UPDATES}");
            let run = Launch::new(&setup.program, &case.folder, train(&model.recipe, &out, &["--resume", &updates])).run();
            case.judge(&run, &[0, 1]);
            if run.good() && weights(&out.join("last")) != model.weights {
                case.blame(&run, Fault::Silent, &format!("{what}; training went on to other weights"));
            }
        }
        number => {
            let copy = case.folder.join("model");
            copy_all(&model.run.join(newest(&model.run).expect("a checkpoint")), &copy).expect("a copy");
            let file = case.chance.pick(&files_of(&copy, &[])).clone();
            let what = damage(&mut case.chance, &file);
            if number == 1 {
                let run = Launch::new(&setup.program, &case.folder, ["inspect".as_ref(), copy.as_os_str()]).run();
                case.judge(&run, &[0, 1]);
                if run.good() && inspected(&run.stdout, &copy) != model.inspected {
                    case.blame(&run, Fault::Silent, &format!("{what}; inspect told something else"));
                }
            } else {
                let run = Launch::new(&setup.program, &case.folder, translate(&copy, &[&setup.lines, SCORES.as_ref()])).run();
                case.judge(&run, &[0, 1]);
                if run.good() && run.stdout != model.translations {
                    case.blame(&run, Fault::Silent, &format!("{what}; it translates otherwise"));
                }
            }
        }
    }
}

/// Files of a folder and of the folders in it, but links.
pub fn files_of(folder: &Path, without: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            files.extend(files_of(&entry.path(), without));
        } else if kind.is_file() && !without.iter().any(|name| entry.file_name() == *name) {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

/// Flips a bit, more rarely something grosser; tells what.
pub fn damage(chance: &mut Chance, file: &Path) -> String {
    let mut bytes = fs::read(file).expect("a file");
    let name = file.file_name().unwrap_or_default().display().to_string();
    let what = match chance.below(20) {
        0 => {
            fs::remove_file(file).expect("removed");
            return format!("{name} removed");
        }
        1 => {
            bytes.clear();
            format!("{name} emptied")
        }
        2..5 => {
            let length = chance.below(bytes.len());
            bytes.truncate(length);
            format!("{name} cut to {length} bytes")
        }
        5 => {
            let (start, count) = (chance.below(bytes.len()), 1 + chance.below(4096));
            bytes.iter_mut().skip(start).take(count).for_each(|byte| *byte = 0);
            format!("{name} zeroed from {start}, {count} bytes")
        }
        6 => {
            let count = 1 + chance.below(64);
            bytes.extend(chance.bytes(count));
            format!("{name} with {count} bytes more")
        }
        _ if bytes.is_empty() => format!("{name}, which is empty, left as it is"),
        _ => {
            let (place, bit) = (chance.below(bytes.len()), chance.below(8));
            bytes[place] ^= 1 << bit;
            format!("{name}: bit {bit} of byte {place} flipped")
        }
    };
    fs::write(file, bytes).expect("written");
    what
}
