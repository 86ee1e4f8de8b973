//! `targum train` of a recipe with `[task]`: trained, examined, and told beside the figures of its paper.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::start::{open, started, with_recipe};
use super::train::{Arguments, machine};
use crate::recipe::StudyRecipe;
use crate::report::Display;
use crate::tasks::{Finding, run as run_study};
use crate::train::{TrainOptions, install_interrupt_handler};

/// Runs the study of a recipe's file.
pub fn run(arguments: &Arguments, file: &Path) -> Result<()> {
    let mut recipe = StudyRecipe::load(file, &arguments.set)?;
    if arguments.init.is_some() {
        bail!("--init: {} is a study, which starts from nothing; leave the option out", file.display());
    }
    if arguments.print_recipe {
        print!("{}", recipe.to_toml()?);
        return Ok(());
    }
    let out = arguments.out(&recipe.name);
    if arguments.resume {
        recipe = started(recipe, file, &out, |file| StudyRecipe::load(file, &arguments.set))?;
    }
    let device = arguments.device.choose()?;
    let (folder, resume) = open(&out, arguments.resume)?;
    let folder = folder.verifying(arguments.verify.verify());
    let interrupt = install_interrupt_handler()?;
    let options = TrainOptions { resume, interrupt: &interrupt, display: Display::detect() };
    eprintln!("{}", machine(device, recipe.seed));
    let findings = with_recipe(&recipe.to_toml()?, &folder, resume, || run_study(&recipe, &folder, options, device))?;
    findings.map_or(Ok(()), |findings| tell(&recipe.name, &findings, folder.path()))
}

/// Prints what was found, and leaves it as JSON and as rows of a table.
fn tell(name: &str, findings: &[Finding], folder: &Path) -> Result<()> {
    let rows: String = findings.iter().map(|finding| finding.row(name)).collect();
    print!("| run | what | found | aim | paper |\n|---|---|---|---|---|\n{rows}");
    for (file, text) in [("test.json", serde_json::to_string_pretty(findings)? + "\n"), ("test.md", rows)] {
        let path = folder.join(file);
        std::fs::write(&path, text).with_context(|| format!("{}: cannot write", path.display()))?;
    }
    eprintln!("\nPictures and numbers: {}", folder.display());
    Ok(())
}
