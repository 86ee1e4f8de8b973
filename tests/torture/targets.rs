//! What hostile files are read by: each parser of the library that reads what people bring.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use targum::alignment::{read_pharaoh, read_records};
use targum::checkpoint::{Config, Tokenizers};
use targum::corpus::babi::read_babi;
use targum::corpus::{IndexRequest, ParallelText, TokenIndex, lines};
use targum::interop::import;
use targum::metrics::{read_gold, read_lines};
use targum::nn::read_weights;
use targum::recipe::FilterRecipe;
use targum::recipe::{Recipe, RecipeText, StudyRecipe};
use targum::text::Tokenizer;
use targum::text::sentencepiece::{PieceType, read_model};
use targum::train::TrainingState;
use targum::translator::Translator;
use tch::Device;

use crate::chance::Chance;
use crate::flips::{damage, files_of};
use crate::report::copy_all;
use crate::{formats, mutate};

/// Sound files to begin with.
pub struct World {
    recipes: Vec<Vec<u8>>,
    tokenizers: Vec<Vec<u8>>,
    /// SentencePiece models with the pieces that have ids.
    sentencepiece: Vec<(Vec<u8>, Vec<String>)>,
    weights: Vec<Vec<u8>>,
    checkpoints: Vec<PathBuf>,
    /// What each checkpoint says to [`SENTENCES`].
    translations: Vec<Vec<String>>,
    marian: Vec<PathBuf>,
    english: Vec<u8>,
    french: Vec<u8>,
    gold: Vec<u8>,
    records: Vec<u8>,
    bombs: [Vec<u8>; 2],
}

pub type Target = (&'static str, fn(&World, &mut Chance, &Path) -> Result<Parse>);
/// Reads what was prepared.
pub type Parse = Box<dyn FnOnce() -> Result<()>>;

/// More than once where there is more to it.
pub const TARGETS: [Target; 25] = [
    ("recipe", recipe),
    ("recipe", recipe),
    ("tokenizer", tokenizer),
    ("tokenizer", tokenizer),
    ("sentencepiece", sentencepiece),
    ("sentencepiece", sentencepiece),
    ("weights", weights),
    ("weights", weights),
    ("checkpoint", checkpoint),
    ("checkpoint", checkpoint),
    ("damaged checkpoint", damaged),
    ("damaged checkpoint", damaged),
    ("damaged checkpoint", damaged),
    ("config", config),
    ("state", state),
    ("marian", marian),
    ("marian", marian),
    ("pickle", pickle),
    ("pickle", pickle),
    ("corpus", corpus),
    ("lines", one_file),
    ("links", links),
    ("gold", gold),
    ("records", records),
    ("index", index),
];

const STORY: &[u8] =
    b"1 Mary went to the kitchen.\n2 John moved to the garden.\n3 Where is Mary?\tkitchen\t1\n4 Mary took the milk.\n\
    5 Where is the milk?\tkitchen\t4 1\n1 Sandra is in the hall.\n2 Where is Sandra?\thall\t1\n";

impl World {
    /// Of what [`crate::setup::Setup`] made.
    pub fn new(place: &Path) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: PathBuf| fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let listed = |folder: &Path, ending: &str| -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let mut paths: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
            paths.sort();
            paths
        };
        let models = ["bahdanau", "luong", "transformer"].map(|name| place.join(name));
        let recipes =
            listed(&root.join("configs"), ".toml").into_iter().chain(models.iter().map(|model| model.join("recipe.toml")));
        let texts = ["bpe", "character", "unigram", "unigram-without-bytes", "word"]
            .map(|name| root.join(format!("tests/fixtures/text/{name}.json")));
        let checkpoints: Vec<PathBuf> = models.iter().map(|model| model.join("run/last")).collect();
        let marian: Vec<PathBuf> =
            ["old", "separate", "shared", "trained"].map(|name| root.join("tests/fixtures/marian").join(name)).into();
        let unpacked = listed(&root.join("tests/fixtures/sentencepiece"), ".spm.gz").into_iter().map(|path| {
            let mut bytes = Vec::new();
            flate2::read::GzDecoder::new(&read(path)[..]).read_to_end(&mut bytes).expect("a sound fixture");
            bytes
        });
        let models_of_pieces = unpacked.chain(marian.iter().map(|folder| read(folder.join("source.spm"))));
        Self {
            recipes: recipes.map(read).collect(),
            tokenizers: texts
                .into_iter()
                .chain(checkpoints.iter().map(|folder| folder.join("tokenizer.json")))
                .map(read)
                .collect(),
            sentencepiece: models_of_pieces.map(|bytes| (bytes.clone(), pieces(&bytes, place))).collect(),
            weights: checkpoints.iter().map(|folder| read(folder.join("model.safetensors"))).collect(),
            english: read(place.join("corpus/test.en")),
            french: read(place.join("corpus/test.fr")),
            gold: read(place.join("corpus/test.gold")),
            records: read(place.join("records.jsonl")),
            bombs: [false, true].map(formats::bomb),
            translations: checkpoints.iter().map(|folder| translated(folder).expect("a sound checkpoint")).collect(),
            checkpoints,
            marian,
        }
    }
}

/// Pieces that a vocabulary would give ids.
fn pieces(model: &[u8], place: &Path) -> Vec<String> {
    let path = place.join(format!("model-{}.spm", std::process::id()));
    fs::write(&path, model).expect("a file");
    let (model, _) = read_model(&path).expect("a sound fixture");
    let _ = fs::remove_file(&path);
    let special = ["<pad>", "<unk>", "<s>", "</s>"];
    let pieces = model.pieces.iter().filter(|piece| piece.kind != PieceType::Control && !special.contains(&piece.text.as_str()));
    pieces.map(|piece| piece.text.clone()).collect()
}

fn recipe(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let mut bytes = chance.pick(&world.recipes).clone();
    let other = chance.pick(&world.recipes).clone();
    mutate::text(chance, &mut bytes, &other);
    let path = folder.join("recipe.toml");
    fs::write(&path, bytes)?;
    Ok(Box::new(move || {
        // What a recipe says of itself is a recipe that says the same.
        let again = path.with_file_name("again.toml");
        let text = RecipeText::read(&path)?;
        if text.is_of_study() {
            let recipe = StudyRecipe::of_text(&text, &[])?;
            fs::write(&again, recipe.to_toml()?)?;
            assert!(StudyRecipe::load(&again, &[]).is_ok_and(|again| again == recipe), "a recipe comes back as another one");
        } else {
            let recipe = Recipe::of_text(&text, &[], None)?;
            fs::write(&again, recipe.to_toml()?)?;
            assert!(Recipe::load(&again, &[]).is_ok_and(|again| again == recipe), "a recipe comes back as another one");
        }
        Ok(())
    }))
}

const LINES: [&str; 5] =
    ["The cat sees the man .", "", "  é\u{301}ñ  ŒUVRE\u{a0}x\u{3000}y ", "a\u{0}b\u{fffd}👩‍👩‍👧 ﷺ", "▁▁<unk></s> <pad>"];

fn cut(tokenizer: &Tokenizer) {
    for line in LINES {
        let encoding = tokenizer.encode(line);
        assert!(encoding.ids.iter().all(|&id| (id as usize) < tokenizer.size()), "an id beyond the vocabulary");
        tokenizer.decode(&encoding.ids);
    }
    let all: Vec<u32> = (0..tokenizer.size().min(2000) as u32).collect();
    tokenizer.decode(&all);
}

fn tokenizer(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let mut bytes = chance.pick(&world.tokenizers).clone();
    let other = chance.pick(&world.tokenizers).clone();
    mutate::json_bytes(chance, &mut bytes, &other);
    let path = folder.join("tokenizer.json");
    fs::write(&path, bytes)?;
    Ok(Box::new(move || {
        cut(&Tokenizer::load(&path)?);
        Ok(())
    }))
}

fn sentencepiece(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let (mut bytes, pieces) = chance.pick(&world.sentencepiece).clone();
    let other = chance.pick(&world.sentencepiece).0.clone();
    formats::protocol(chance, &mut bytes, &other);
    fs::write(folder.join("source.spm"), &bytes)?;
    Ok(Box::new(move || {
        cut(&Tokenizer::from_sentencepiece(&bytes, &pieces)?);
        Ok(())
    }))
}

fn weights(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let mut bytes = chance.pick(&world.weights).clone();
    let other = chance.pick(&world.weights).clone();
    formats::safetensors(chance, &mut bytes, &other);
    let path = folder.join("model.safetensors");
    fs::write(&path, bytes)?;
    Ok(Box::new(move || read_weights(&path).map(drop)))
}

/// A checkpoint with one file changed, and checksums that fit.
fn broken(world: &World, chance: &mut Chance, folder: &Path, file: Option<&str>) -> Result<PathBuf> {
    let copy = folder.join("model");
    let base = chance.pick(&world.checkpoints).clone();
    copy_all(&base, &copy)?;
    let file = file.unwrap_or_else(|| ["config.json", "config.json", "tokenizer.json", "model.safetensors"][chance.below(4)]);
    let mut bytes = fs::read(copy.join(file))?;
    let other = fs::read(chance.pick(&world.checkpoints).join(file))?;
    match file {
        "model.safetensors" => formats::safetensors(chance, &mut bytes, &other),
        _ => mutate::json_bytes(chance, &mut bytes, &other),
    }
    fs::write(copy.join(file), bytes)?;
    formats::write_checksums(&copy);
    Ok(copy)
}

const SENTENCES: [&str; 3] = ["The cat sees the man .", "", "x"];

/// The best translations of [`SENTENCES`], each with its score.
fn translated(folder: &Path) -> Result<Vec<String>> {
    let translator = Translator::load(folder, Device::Cpu)?;
    let translations = translator.translate(&SENTENCES, &translator.translate_options())?;
    assert_eq!(translations.len(), SENTENCES.len(), "as many translations as lines");
    let best = translations.iter().map(|translation| translation.hypotheses.first());
    Ok(best.map(|best| best.map(|best| format!("{} {}", best.score, best.text)).unwrap_or_default()).collect())
}

fn checkpoint(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let copy = broken(world, chance, folder, None)?;
    Ok(Box::new(move || translated(&copy).map(drop)))
}

/// A checkpoint with one file damaged, and the checksums as they were: the same translations or an error.
fn damaged(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let copy = folder.join("model");
    let number = chance.below(world.checkpoints.len());
    copy_all(&world.checkpoints[number], &copy)?;
    let file = chance.pick(&files_of(&copy, &[])).clone();
    let (what, expected) = (damage(chance, &file), world.translations[number].clone());
    Ok(Box::new(move || {
        let found = translated(&copy)?;
        ensure!(found == expected, "SILENT: {what}: {found:?}, expected {expected:?}");
        Ok(())
    }))
}

fn config(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let copy = broken(world, chance, folder, Some("config.json"))?;
    Ok(Box::new(move || {
        Config::load(&copy)?;
        Tokenizers::load(&copy).map(drop)
    }))
}

fn state(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let copy = broken(world, chance, folder, Some("training.json"))?;
    Ok(Box::new(move || TrainingState::read(&copy).map(drop)))
}

fn marian(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let base = chance.pick(&world.marian).clone();
    let copy = folder.join("marian");
    marian_copy(chance, &base, &world.marian, &copy)?;
    Ok(Box::new(move || import(&copy, None).map(drop)))
}

/// A folder whose weights are a pickle that is changed.
fn pickle(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let copy = folder.join("marian");
    copy_all(&world.marian[chance.below(2)], &copy)?;
    let path = copy.join("pytorch_model.bin");
    let mut bytes = fs::read(&path)?;
    formats::zip(chance, &mut bytes, b"");
    fs::write(&path, bytes)?;
    Ok(Box::new(move || import(&copy, None).map(drop)))
}

/// A folder of Marian's with one file changed.
pub fn marian_copy(chance: &mut Chance, base: &Path, others: &[PathBuf], copy: &Path) -> Result<()> {
    copy_all(base, copy)?;
    let has = |name: &str| copy.join(name).is_file();
    let weights = if has("model.safetensors") { "model.safetensors" } else { "pytorch_model.bin" };
    let names = [
        weights,
        weights,
        weights,
        "config.json",
        "source.spm",
        "target.spm",
        "vocab.json",
        "tokenizer_config.json",
        "generation_config.json",
    ];
    let file = *chance.pick(&names);
    let mut bytes = fs::read(copy.join(file))?;
    let other = fs::read(chance.pick(others).join(file)).unwrap_or_default();
    match file {
        "model.safetensors" => formats::safetensors(chance, &mut bytes, &other),
        "pytorch_model.bin" => formats::zip(chance, &mut bytes, &other),
        "source.spm" | "target.spm" => formats::protocol(chance, &mut bytes, &other),
        _ => mutate::json_bytes(chance, &mut bytes, &other),
    }
    fs::write(copy.join(file), bytes)?;
    Ok(())
}

/// Text that is changed, and packed before or after that, or not at all.
pub fn packed(chance: &mut Chance, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    let before = chance.one_in(2);
    if before {
        mutate::text(chance, &mut bytes, other);
    }
    let mut bytes = match chance.below(4) {
        0 => formats::gzip(&bytes),
        1 => formats::zstandard(&bytes),
        _ => bytes,
    };
    if !before {
        mutate::bytes(chance, &mut bytes, other);
    }
    bytes
}

fn corpus(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let name = |name: &str| folder.join(name);
    let bomb = chance.one_in(400);
    let text = if chance.one_in(3) {
        let pairs = |one: &[u8], two: &[u8]| -> Vec<u8> {
            let lines = one.split(|&byte| byte == b'\n').zip(two.split(|&byte| byte == b'\n'));
            lines.flat_map(|(one, two)| [one, b"\t", two, b"\n"].concat()).collect()
        };
        let bytes = packed(chance, pairs(&world.english, &world.french), &world.records);
        fs::write(name("pairs.tsv"), bytes)?;
        ParallelText::tsv(name("pairs.tsv"))
    } else {
        let bytes = if bomb { chance.pick(&world.bombs).clone() } else { packed(chance, world.english.clone(), &world.french) };
        fs::write(name("train.en"), bytes)?;
        fs::write(name("train.fr"), &world.french)?;
        ParallelText::files(name("train.en"), name("train.fr"))
    };
    Ok(Box::new(move || text.check().map(drop)))
}

fn one_file(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let story = chance.one_in(2);
    let bytes = if story { STORY.to_vec() } else { world.english.clone() };
    let bytes = if chance.one_in(400) { chance.pick(&world.bombs).clone() } else { packed(chance, bytes, &world.gold) };
    let path = folder.join("lines");
    fs::write(&path, bytes)?;
    Ok(Box::new(move || {
        let found = if story { read_babi(&path).map(drop) } else { read_lines(Some(&path)).map(drop) };
        for line in lines(Some(&path))? {
            line?;
        }
        found
    }))
}

fn links(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let plain: Vec<u8> = world.gold.iter().map(|&byte| if byte == b'p' { b'-' } else { byte }).collect();
    let bytes = packed(chance, plain, &world.records);
    let path = folder.join("links");
    fs::write(&path, bytes)?;
    Ok(Box::new(move || read_pharaoh(&path).map(drop)))
}

fn gold(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let bytes = packed(chance, world.gold.clone(), &world.english);
    let (path, base) = (folder.join("gold"), chance.below(2));
    fs::write(&path, bytes)?;
    Ok(Box::new(move || read_gold(&path, base).map(drop)))
}

fn records(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let mut lines: Vec<Vec<u8>> = world.records.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = chance.below(lines.len());
    mutate::json_bytes(chance, &mut lines[at], &world.gold);
    let bytes = lines.join(&b'\n');
    let path = folder.join("records.jsonl");
    fs::write(&path, bytes)?;
    Ok(Box::new(move || {
        for record in read_records(&path)? {
            record?.to_line()?;
        }
        Ok(())
    }))
}

/// An index that is damaged is made anew, and holds the same.
fn index(world: &World, chance: &mut Chance, folder: &Path) -> Result<Parse> {
    let (english, french, path) = (folder.join("train.en"), folder.join("train.fr"), folder.join("train.index"));
    fs::write(&english, &world.english)?;
    fs::write(&french, &world.french)?;
    let open = move || -> Result<Vec<Vec<u32>>> {
        let text = ParallelText::files(&english, &french);
        let request =
            IndexRequest { text: &text, filters: FilterRecipe::default(), tokenizers: b"words", vocabulary: 1000, path: &path };
        let ids = |line: &str| {
            line.split(' ').map(|word| word.bytes().fold(0, |sum, byte| (sum * 31 + u32::from(byte)) % 1000)).collect()
        };
        let (index, _) = TokenIndex::open_or_build(&request, ids, ids)?;
        (0..index.len()).flat_map(|pair| [index.source(pair), index.target(pair)]).collect()
    };
    let right = open()?;
    let path = folder.join("train.index");
    let mut bytes = fs::read(&path)?;
    let other = bytes.clone();
    mutate::bytes(chance, &mut bytes, &other);
    fs::write(&path, bytes)?;
    Ok(Box::new(move || {
        ensure!(open()? == right, "SILENT: other ids than those of the text");
        Ok(())
    }))
}
