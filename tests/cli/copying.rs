//! Names that no vocabulary has pass through a model that copies.

use std::fs;
use std::path::Path;

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

use super::support::{arguments, targum, with_input};

/// Three known words and two names that occur nowhere else; their translations, backwards.
fn pairs(count: usize, seed: u64) -> (Vec<String>, Vec<String>) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let sentences = (0..count).map(|_| {
        let name = |chance: &mut ChaCha8Rng| {
            let letters = (0..8).map(|_| char::from(b'a' + (chance.next_u32() % 26) as u8));
            let name: String = letters.collect();
            (format!("N{name}"), format!("N{name}"))
        };
        let word = |chance: &mut ChaCha8Rng| {
            let number = chance.next_u32() % 8;
            (format!("s{number}"), format!("t{number}"))
        };
        let mut said = vec![word(&mut chance), name(&mut chance), word(&mut chance), word(&mut chance), name(&mut chance)];
        // Names stand anywhere.
        for last in (1..said.len()).rev() {
            said.swap(last, chance.next_u32() as usize % (last + 1));
        }
        let (source, mut target): (Vec<String>, Vec<String>) = said.into_iter().unzip();
        target.reverse();
        (source.join(" "), target.join(" "))
    });
    sentences.unzip()
}

fn write(folder: &Path, name: &str, count: usize, seed: u64) {
    let (sources, targets) = pairs(count, seed);
    fs::write(folder.join(format!("{name}.src")), sources.join("\n") + "\n").unwrap();
    fs::write(folder.join(format!("{name}.tgt")), targets.join("\n") + "\n").unwrap();
}

#[test]
fn unknown_names_pass_through_in_their_places() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, (name, count)) in [("train", 3000), ("validation", 20)].into_iter().enumerate() {
        write(folder.path(), name, count, seed as u64);
    }
    let (sources, targets) = pairs(50, 7);
    let corpus = folder.path().display();
    let names = |line: &str| line.split(' ').filter(|word| word.starts_with('N')).map(str::to_owned).collect::<Vec<_>>();
    for decoder in ["bahdanau", "luong"] {
        let (recipe, run) = (folder.path().join("recipe.toml"), folder.path().join(decoder));
        let text = format!(
            "[data]\nsource = \"src\"\ntarget = \"tgt\"\ntrain = \"{corpus}/train\"\nvalidation = \"{corpus}/validation\"\n\
             [tokenizer]\nkind = \"word\"\nsize = 100\nminimum_frequency = 5\njoint = false\n\
             [model.recurrent]\nembedding = 24\nhidden = 24\ncell = \"gru\"\ndropout = 0\ninitialization = \"xavier\"\ncopy = true\n\
             [model.recurrent.decoder]\nkind = \"{decoder}\"\n\
             [training]\noptimizer = {{ adam = {{ learning_rate = 0.005 }} }}\nbatch_tokens = 400\nupdates = 700\n\
             validate_every = 700\nvalidation_sentences = 20\npictures = 0\n"
        );
        fs::write(&recipe, text).unwrap();
        targum(arguments("train {} --out {}", &[&recipe, &run])).good();
        let told = with_input(arguments("translate --model {}", &[&run]), sources.join("\n") + "\n").good().stdout;
        let found: Vec<&str> = told.lines().collect();
        let right = found.iter().zip(&targets).filter(|(found, target)| names(found) == names(target)).count();
        let whole = found.iter().zip(&targets).filter(|(found, target)| **found == target.as_str()).count();
        eprintln!("{decoder}: both names of {right}, all of {whole} of {}", targets.len());
        assert!(right >= 45, "{decoder}: {right}\n{told}");
        assert!(whole >= 35, "{decoder}: {whole}\n{told}");
    }
}

/// `X sees Y .` and `X voit Y .`, with names that occur nowhere else.
fn meetings(count: usize, seed: u64) -> (Vec<String>, Vec<String>) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut letter = |first: u8| char::from(first + (chance.next_u32() % 26) as u8);
    let mut name = || std::iter::once(letter(b'A')).chain((0..4).map(|_| letter(b'a'))).collect::<String>();
    (0..count)
        .map(|_| {
            let (one, other) = (name(), name());
            (format!("{one} sees {other} ."), format!("{one} voit {other} ."))
        })
        .unzip()
}

/// Both names are the same unknown word to either vocabulary: nothing but attention can tell them apart, and it learns to only where the
/// vocabulary's unknown word is not paid for them.
#[test]
fn attention_learns_where_to_point() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, (name, count)) in [("train", 300), ("validation", 10)].into_iter().enumerate() {
        let (sources, targets) = meetings(count, seed as u64);
        fs::write(folder.path().join(format!("{name}.en")), sources.join("\n") + "\n").unwrap();
        fs::write(folder.path().join(format!("{name}.fr")), targets.join("\n") + "\n").unwrap();
    }
    let (sources, targets) = meetings(30, 9);
    let corpus = folder.path().display();
    for decoder in ["bahdanau", "luong"] {
        let (recipe, run) = (folder.path().join("recipe.toml"), folder.path().join(decoder));
        let text = format!(
            "[data]\ntrain = \"{corpus}/train\"\nvalidation = \"{corpus}/validation\"\n\
             [tokenizer]\nkind = \"word\"\nsize = 100\nminimum_frequency = 5\njoint = false\n\
             [model.recurrent]\nembedding = 16\nhidden = 16\ndropout = 0\ncopy = true\n\
             [model.recurrent.decoder]\nkind = \"{decoder}\"\n\
             [training]\noptimizer = {{ adam = {{ learning_rate = 0.01 }} }}\nbatch_tokens = 300\nupdates = 300\n\
             validate_every = 300\npictures = 0\n"
        );
        fs::write(&recipe, text).unwrap();
        let trained = targum(arguments("train {} --out {}", &[&recipe, &run])).good().stderr;
        assert!(
            trained.contains("unknown pieces: training source 50.0 %, target 50.0 %") && !trained.contains("warning"),
            "{trained}"
        );
        let told = with_input(arguments("translate --model {}", &[&run]), sources.join("\n") + "\n").good().stdout;
        let right = told.lines().zip(&targets).filter(|(found, target)| found == target).count();
        assert_eq!(right, 30, "{decoder}: {right} of 30\n{told}");
    }
}
