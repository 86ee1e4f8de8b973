//! `targum train` of a recipe with `[task]`: trained, examined, and told beside the figures of its paper.

use std::path::Path;

use anyhow::{Result, bail};

use super::start::{START_UP, keep_recipe, open, started};
use super::train_arguments::{TrainArguments, machine};
use crate::recipe::{RecipeText, StudyRecipe};
use crate::report::Display;
use crate::runtime::files::{self, Shown};
use crate::runtime::{Interrupt, end_on_signal, message, print};
use crate::studies::{Finding, run as run_study};
use crate::train::TrainOptions;

/// Runs the study of a recipe.
pub fn run(arguments: &TrainArguments, text: &RecipeText) -> Result<()> {
    let file = text.path();
    let mut recipe = StudyRecipe::of_text(text, &arguments.set)?;
    if arguments.init.is_some() {
        bail!("--init: {} is a study, which starts from nothing; leave the option out", file.shown());
    }
    if arguments.print_recipe {
        return Ok(print(&recipe.to_toml()?)?);
    }
    let out = arguments.run_folder(&recipe.name);
    if arguments.resume {
        recipe = started(recipe, file, &out, !arguments.set.is_empty(), |file| StudyRecipe::load(file, &arguments.set))?;
    }
    let _ends = end_on_signal(START_UP);
    let device = arguments.device.choose()?;
    let (folder, resume) = open(&out, arguments.resume)?;
    let folder = folder.verifying(arguments.verify.verify());
    let interrupt = Interrupt::new();
    let begun = keep_recipe(recipe.to_toml()?, &folder, resume)?;
    let options = TrainOptions { resume, interrupt: &interrupt, display: Display::detect(), begun: &begun };
    message!("{}", machine(device, recipe.seed));
    let findings = run_study(&recipe, &folder, options, device)?;
    interrupt.check()?;
    findings.map_or(Ok(()), |findings| tell(&recipe.name, &findings, folder.path()))
}

/// Prints what was found, and leaves it as JSON and as rows of a table.
fn tell(name: &str, findings: &[Finding], folder: &Path) -> Result<()> {
    let rows: String = findings.iter().map(|finding| finding.row(name)).collect();
    for (file, text) in [("test.json", serde_json::to_string_pretty(findings)? + "\n"), ("test.md", rows.clone())] {
        files::write(&folder.join(file), text)?;
    }
    print(&format!("| run | what | found | aim | paper |\n|---|---|---|---|---|\n{rows}"))?;
    message!("\nPictures and numbers: {}", folder.shown());
    Ok(())
}
