//! `--device` and `--threads`, the same for every command that computes.

use anyhow::Result;
use clap::Args;
use tch::Device;

use crate::runtime::{DeviceChoice, set_threads};

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
        eprintln!("device {:?} ({})", chosen.device, chosen.reason);
        Ok(chosen.device)
    }
}
