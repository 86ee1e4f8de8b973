//! What others wrote: text and files, read no further than there is room for, and quoted so that it can be shown.

mod file;
mod lines;
mod quote;

pub use file::{read_bytes, read_text};
pub use lines::{
    DEFAULT_MAXIMUM_LINE_BYTES, Lines, MAXIMUM_LINE_BYTES, decompressed, lines, maximum_line_bytes, set_maximum_line_bytes,
};
pub use quote::{listed, plain, quoted};
