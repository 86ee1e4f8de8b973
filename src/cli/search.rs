//! How translations are looked for: the keys of a recipe's `[search]` as options, each in place of what the model says itself.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::glossary;
use crate::recipe::{EarlyStopping, LengthPenalty, SearchRecipe};
use crate::translator::{TranslateOptions, Translator};

/// Options of search.
#[derive(Args)]
#[command(next_help_heading = "Search (the model's own settings unless given)")]
pub struct SearchArguments {
    /// Hypotheses kept side by side; 1 is greedy.
    #[arg(long)]
    beam: Option<usize>,
    /// Power of the length normalisation.
    #[arg(long)]
    length_penalty: Option<f64>,
    /// Weight of the coverage penalty.
    #[arg(long)]
    coverage_penalty: Option<f64>,
    /// When a beam that has found enough ends.
    #[arg(long, value_enum)]
    early_stopping: Option<Stopping>,
    /// A beam has found enough when this many times its width are finished.
    #[arg(long)]
    patience: Option<f64>,
    /// Fewest pieces of a translation.
    #[arg(long)]
    minimum_length: Option<usize>,
    /// Most pieces of a translation, its end counted, whatever the source's length.
    #[arg(long, conflicts_with_all = ["maximum_length_ratio", "maximum_length_offset"])]
    maximum_length: Option<usize>,
    /// At most ratio × source pieces + offset pieces.
    #[arg(long)]
    maximum_length_ratio: Option<f64>,
    /// See --maximum-length-ratio.
    #[arg(long)]
    maximum_length_offset: Option<usize>,
    /// Text that every translation starts with.
    #[arg(long)]
    prefix: Option<String>,
    /// A word or phrase never produced; may be given several times.
    #[arg(long, value_name = "TEXT")]
    suppress: Vec<String>,
    /// A piece never produced, as --pieces prints them, such as <unk>; may be given several times.
    #[arg(long, value_name = "PIECE")]
    suppress_pieces: Vec<String>,
    /// No sequence of this many pieces twice; 0 is off.
    #[arg(long, value_name = "N")]
    no_repeat_ngram: Option<usize>,
    /// Above 1 pieces that were produced before come less; 1 is off.
    #[arg(long)]
    repetition_penalty: Option<f64>,
    /// Groups of the beam that shun each other's choices, for n-best lists that differ.
    #[arg(long, value_name = "GROUPS")]
    diversity_groups: Option<usize>,
    /// What it costs a piece that an earlier group chose it at the same step.
    #[arg(long)]
    diversity_penalty: Option<f64>,
    /// Draw --n-best translations by chance.
    #[arg(long)]
    sample: bool,
    /// Below 1 likely pieces get likelier; with --sample.
    #[arg(long)]
    temperature: Option<f64>,
    /// Sample from this many of the likeliest pieces; 0 is all.
    #[arg(long)]
    top_k: Option<usize>,
    /// Sample from the likeliest pieces that together have this probability.
    #[arg(long)]
    top_p: Option<f64>,
    /// What samples derive from.
    #[arg(long)]
    seed: Option<u64>,
    /// How phrases must be translated: lines of source phrase, tab, target phrase, used where the source has the phrase as whole words.
    #[arg(long, value_name = "FILE")]
    glossary: Option<PathBuf>,
    /// Padded source pieces of a batch, before the beam multiplies them.
    #[arg(long)]
    batch_tokens: Option<usize>,
    /// Batches translated at a time, each with its share of --threads; as many as threads unless said otherwise. One worker gives all
    /// threads to one batch, which pays for large models alone.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stopping {
    /// It ends then.
    First,
    /// It goes on while the best live hypothesis, normalised by its length so far, is better than the worst of the best finished ones.
    Heuristic,
    /// It goes on while a live hypothesis can get better than the worst of the best finished ones.
    Never,
}

impl SearchArguments {
    /// The model's own settings with these in their place.
    pub fn options(&self, translator: &Translator, n_best: usize) -> Result<TranslateOptions> {
        let recipe = self.recipe(&translator.config.search)?;
        if n_best == 0 || n_best > 1000 {
            bail!("--n-best is {n_best}, expected 1 to 1,000");
        }
        if !recipe.sample && n_best > recipe.beam {
            bail!("--n-best {n_best} needs a beam as wide: --beam {n_best} or more, found {}", recipe.beam);
        }
        let most = translator.longest.target;
        if recipe.minimum_length >= most {
            bail!("--minimum-length is {}, but this model produces {} pieces at most", recipe.minimum_length, most - 1);
        }
        let tokenizer = translator.tokenizers.target();
        if let Some(piece) = recipe.suppress_pieces.iter().find(|piece| tokenizer.id(piece).is_none()) {
            bail!("--suppress-pieces {piece}: the model's vocabulary has no such piece; --pieces shows how they are spelled");
        }
        let mut options = translator.translate_options_of(&recipe);
        options.search.n_best = n_best;
        options.workers = self.workers.map_or(options.workers, usize::from);
        if let Some(path) = &self.glossary {
            if recipe.sample {
                bail!("--glossary needs a search: samples are drawn as they come; leave --sample out");
            }
            options.glossary = Some(glossary::read(path, translator, &options.search)?);
        }
        Ok(options)
    }

    /// The settings with these in their place, checked.
    fn recipe(&self, of_model: &SearchRecipe) -> Result<SearchRecipe> {
        let mut recipe = of_model.clone();
        self.write_over(&mut recipe)?;
        if let Some(problem) = recipe.problems().into_iter().next() {
            let key = problem.path.trim_start_matches("search.").split('.').next().unwrap_or_default();
            let key = if key == "maximum_length_offset" && self.maximum_length.is_some() { "maximum_length" } else { key };
            bail!("--{} {}", key.replace('_', "-"), problem.message);
        }
        Ok(recipe)
    }

    /// Whether the coverage penalty is asked for here.
    pub fn wants_coverage(&self) -> bool {
        self.coverage_penalty.is_some_and(|weight| weight > 0.0)
    }

    fn write_over(&self, recipe: &mut SearchRecipe) -> Result<()> {
        fn set<T: Clone>(place: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                place.clone_from(value);
            }
        }
        set(&mut recipe.beam, &self.beam);
        set(&mut recipe.coverage_penalty, &self.coverage_penalty);
        set(&mut recipe.patience, &self.patience);
        set(&mut recipe.minimum_length, &self.minimum_length);
        recipe.maximum_length_ratio = self.maximum_length_ratio.or(recipe.maximum_length_ratio);
        recipe.maximum_length_offset = self.maximum_length_offset.or(recipe.maximum_length_offset);
        set(&mut recipe.prefix, &self.prefix);
        set(&mut recipe.no_repeat_ngram, &self.no_repeat_ngram);
        set(&mut recipe.repetition_penalty, &self.repetition_penalty);
        set(&mut recipe.diversity_groups, &self.diversity_groups);
        set(&mut recipe.diversity_penalty, &self.diversity_penalty);
        set(&mut recipe.temperature, &self.temperature);
        set(&mut recipe.top_k, &self.top_k);
        set(&mut recipe.top_p, &self.top_p);
        set(&mut recipe.seed, &self.seed);
        set(&mut recipe.batch_tokens, &self.batch_tokens);
        recipe.sample |= self.sample;
        recipe.suppress.extend(self.suppress.iter().cloned());
        recipe.suppress_pieces.extend(self.suppress_pieces.iter().cloned());
        if let Some(stopping) = self.early_stopping {
            recipe.early_stopping = match stopping {
                Stopping::First => EarlyStopping::First,
                Stopping::Heuristic => EarlyStopping::Heuristic,
                Stopping::Never => EarlyStopping::Never,
            };
        }
        if let Some(alpha) = self.length_penalty {
            recipe.length_penalty = match recipe.length_penalty {
                LengthPenalty::Wu { .. } => LengthPenalty::Wu { alpha },
                _ => LengthPenalty::Plain { alpha },
            };
        }
        if let Some(most) = self.maximum_length {
            // The end of sentence has a place too.
            if most <= recipe.minimum_length {
                bail!("--maximum-length {most} leaves no room for an end after the minimum length {}", recipe.minimum_length);
            }
            (recipe.maximum_length_ratio, recipe.maximum_length_offset) = (Some(0.0), Some(most));
        }
        let of_sampling = [
            ("temperature", self.temperature.is_some()),
            ("top-k", self.top_k.is_some()),
            ("top-p", self.top_p.is_some()),
            ("seed", self.seed.is_some()),
        ];
        if let Some((option, _)) = of_sampling.into_iter().find(|(_, given)| *given && !recipe.sample) {
            bail!("--{option} is for sampling: add --sample");
        }
        if self.diversity_penalty.is_some() && recipe.diversity_groups == 1 {
            bail!("--diversity-penalty is between groups: add --diversity-groups");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        search: SearchArguments,
    }

    const NUMBERS: [&str; 17] = [
        "beam",
        "length-penalty",
        "coverage-penalty",
        "patience",
        "minimum-length",
        "maximum-length",
        "maximum-length-ratio",
        "maximum-length-offset",
        "no-repeat-ngram",
        "repetition-penalty",
        "diversity-groups",
        "diversity-penalty",
        "temperature",
        "top-k",
        "top-p",
        "batch-tokens",
        "workers",
    ];

    /// The settings of a command line, or what is wrong with it.
    fn checked(options: &[&str]) -> Result<SearchRecipe, String> {
        let arguments = CommandLine::try_parse_from([&["targum"], options].concat()).map_err(|error| error.to_string())?;
        arguments.search.recipe(&SearchRecipe::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn hostile_numbers_are_refused_by_the_name_of_their_option() {
        for option in NUMBERS {
            for value in
                ["-1", "nan", "inf", "1e12", "1e308", "1e-308", "4611686018427387904", "18446744073709551615", "1000000000", ""]
            {
                let options = [format!("--{option}={value}"), "--sample".to_owned()];
                let groups = option == "diversity-penalty";
                let options = [options[0].as_str(), if groups { "--diversity-groups=5" } else { options[1].as_str() }];
                match checked(&options) {
                    Err(error) => assert!(error.contains(&format!("--{option}")), "{options:?}: {error}"),
                    // A number near 0 is one, and what is more than there are pieces changes nothing.
                    Ok(_) => assert!(value == "1e-308" || ["no-repeat-ngram", "top-k"].contains(&option), "{options:?} is taken"),
                }
            }
        }
    }

    #[test]
    fn what_makes_sense_is_taken() {
        for options in
            ["--maximum-length=100000", "--minimum-length=10000 --maximum-length=20000", "--beam=1000", "--batch-tokens=16777216"]
        {
            checked(&options.split(' ').collect::<Vec<_>>()).unwrap();
        }
        let error = checked(&["--maximum-length=1000000000000"]).unwrap_err();
        assert_eq!(
            error,
            "--maximum-length is 1000000000000, expected at most 100,000 pieces: a search that finds no end goes on so long"
        );
    }
}
