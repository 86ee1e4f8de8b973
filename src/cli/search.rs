//! How translations are looked for: the keys of a recipe's `[search]` as options, each in place of what the model says itself.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{ArgMatches, Args, FromArgMatches};

use super::glossary;
use crate::recipe::{LengthPenalty, SearchRecipe};
use crate::translator::{TranslateOptions, Translator};

/// Options of search.
#[derive(Args)]
#[command(next_help_heading = "Search (the model's own settings unless given)")]
pub struct SearchArguments {
    #[command(flatten)]
    given: GivenSettings,
    /// Power α of the length penalty.
    #[arg(long)]
    length_penalty: Option<f64>,
    /// Most pieces of a translation, its end counted, whatever the source's length.
    #[arg(long, conflicts_with_all = ["maximum_length_ratio", "maximum_length_offset"])]
    maximum_length: Option<usize>,
    /// A word or phrase never produced; may be given several times.
    #[arg(long, value_name = "TEXT")]
    suppress: Vec<String>,
    /// A piece never produced, as --pieces prints them, such as <unk>; may be given several times.
    #[arg(long, value_name = "PIECE")]
    suppress_pieces: Vec<String>,
    /// Draw --n-best translations by chance.
    #[arg(long)]
    sample: bool,
    /// How phrases must be translated: lines of source phrase, tab, target phrase, used where the source has the phrase as whole words.
    #[arg(long, value_name = "FILE")]
    glossary: Option<PathBuf>,
    /// Batches translated at a time, each with its share of --threads; as many as threads unless said otherwise. One worker gives all
    /// threads to one batch, which pays for large models alone.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
}

/// The settings of [`SearchRecipe`] that stand on the command line: put over the model's own.
struct GivenSettings(ArgMatches);

impl Args for GivenSettings {
    fn augment_args(command: clap::Command) -> clap::Command {
        SearchRecipe::augment_args_for_update(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GivenSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(GivenSettings(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

impl GivenSettings {
    fn has(&self, option: &str) -> bool {
        self.0.contains_id(option)
    }
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
        self.given.0.get_one::<f64>("coverage_penalty").is_some_and(|weight| *weight > 0.0)
    }

    fn write_over(&self, recipe: &mut SearchRecipe) -> Result<()> {
        recipe.update_from_arg_matches(&self.given.0)?;
        recipe.sample |= self.sample;
        recipe.suppress.extend(self.suppress.iter().cloned());
        recipe.suppress_pieces.extend(self.suppress_pieces.iter().cloned());
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
        let of_sampling = ["temperature", "top_k", "top_p", "seed"];
        if let Some(option) = of_sampling.into_iter().find(|option| self.given.has(option) && !recipe.sample) {
            bail!("--{} is for sampling: add --sample", option.replace('_', "-"));
        }
        if self.given.has("diversity_penalty") && recipe.diversity_groups == 1 {
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
