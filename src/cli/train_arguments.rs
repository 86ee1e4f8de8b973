//! The arguments of `targum train`, whatever the recipe trains.

use std::path::{Path, PathBuf};

use clap::Args;
use tch::Device;

use super::device::DeviceArguments;
use super::verify::VerifyArguments;
use crate::runtime::{core_count, libtorch};

/// Arguments of `targum train`.
#[derive(Args)]
pub struct TrainArguments {
    /// A recipe (TOML), or a run folder to go on with.
    pub(super) recipe: PathBuf,
    /// The run folder; checkpoints/NAME unless given.
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// Overrides a key of the recipe, such as training.batch_tokens=2048; again for each further one.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Start from the weights, the tokenizers and the model of this checkpoint or run folder (fine-tuning).
    #[arg(long, value_name = "MODEL", conflicts_with = "resume")]
    pub(super) init: Option<PathBuf>,
    /// Go on from the newest checkpoint of the run folder.
    #[arg(long)]
    pub(super) resume: bool,
    /// Print the recipe with all its defaults, and stop.
    #[arg(long)]
    pub(super) print_recipe: bool,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    #[command(flatten)]
    pub(super) verify: VerifyArguments,
}

impl TrainArguments {
    /// The run folder of a recipe of this name.
    pub(super) fn run_folder(&self, name: &str) -> PathBuf {
        match &self.out {
            Some(out) => out.clone(),
            None if self.recipe.is_dir() => self.recipe.clone(),
            None => Path::new("checkpoints").join(name),
        }
    }
}

/// "Targum 0.1.0, libtorch 2.11.0, Cpu, 2 threads of 2 cores, seed 1".
pub(super) fn machine(device: Device, seed: u64) -> String {
    format!(
        "Targum {}, libtorch {}, {device:?}, {} threads of {} cores, seed {seed}",
        env!("CARGO_PKG_VERSION"),
        libtorch().version.as_deref().unwrap_or("unknown"),
        tch::get_num_threads(),
        core_count(),
    )
}
