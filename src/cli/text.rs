//! `--maximum-line-bytes`, the same for every command that reads text. Training has `data.maximum_line_bytes` in its recipe.

use clap::Args;

use crate::input::{DEFAULT_MAXIMUM_LINE_BYTES, MAXIMUM_LINE_BYTES, set_maximum_line_bytes};

#[derive(Args)]
pub struct TextArguments {
    /// Most bytes of a line of text; a longer line is an error, as it fills the memory before it is known to be none.
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MAXIMUM_LINE_BYTES as u32,
        value_parser = clap::value_parser!(u32).range(1..=MAXIMUM_LINE_BYTES as i64))]
    maximum_line_bytes: u32,
}

impl TextArguments {
    /// Before any text is read.
    pub fn apply(&self) {
        set_maximum_line_bytes(self.maximum_line_bytes as usize);
    }
}
