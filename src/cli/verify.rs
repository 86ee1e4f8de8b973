//! `--no-verify`, the same for every command that reads a checkpoint.

use clap::Args;

use crate::checksum::Verify;

#[derive(Args, Clone, Copy)]
pub struct VerifyArguments {
    /// Use files of a checkpoint though they differ from its checksums.json, and do not even read that.
    #[arg(long)]
    no_verify: bool,
}

impl VerifyArguments {
    pub fn verify(self) -> Verify {
        if self.no_verify { Verify::No } else { Verify::Yes }
    }
}
