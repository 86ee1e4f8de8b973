//! Names that no vocabulary has pass through a model that copies.

use std::fs;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

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
