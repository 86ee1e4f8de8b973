//! `--device`, `--threads` and `--precision`, the same for every command that computes.

use anyhow::Result;
use clap::Args;
use tch::Device;

use crate::runtime::{DeviceChoice, Precision, message, set_threads};
use crate::translator::Translator;

#[derive(Args)]
pub struct DeviceArguments {
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Threads inside an operation; one a core unless said otherwise.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl DeviceArguments {
    /// Sets threads, and says on standard error which device was chosen and why.
    pub fn choose(&self) -> Result<Device> {
        set_threads(self.threads.map(usize::from));
        let choice: DeviceChoice = self.device.parse()?;
        let chosen = choice.resolve()?;
        message!("device {:?} ({})", chosen.device, chosen.reason);
        Ok(chosen.device)
    }
}

/// For commands that run a model that is there.
#[derive(Args)]
pub struct PrecisionArguments {
    /// What matrix products are computed in: fp32, bf16 or fp16. Half precision is for processors and GPUs that have
    /// instructions for it.
    #[arg(long, default_value = "fp32")]
    precision: Precision,
}

impl PrecisionArguments {
    /// Makes a translator compute so, and says on standard error what speaks against it.
    pub fn apply(&self, translator: &mut Translator) {
        translator.precision = self.precision;
        if let Some(warning) = self.precision.warning(translator.device) {
            message!("--precision: {warning}");
        }
    }
}
