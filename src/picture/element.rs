//! One element of SVG, written as it is made.

use std::fmt::{Display, Formatter, Result, Write};

use super::label::clean;

/// An element with its attributes, in their order, and what is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    name: &'static str,
    attributes: String,
    content: String,
}

impl Element {
    pub fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), content: String::new() }
    }

    /// Adds an attribute.
    pub fn set(mut self, name: &str, value: impl Display) -> Self {
        // Writing into a String cannot fail.
        let _ = write!(self.attributes, " {name}=\"{}\"", escape(&value.to_string()).replace('"', "&quot;"));
        self
    }

    /// Adds an attribute that is a length: tenths are as fine as a screen shows.
    pub fn at(self, name: &str, length: f64) -> Self {
        self.set(name, short(length))
    }

    /// Adds a text that shows on hovering; none where it is empty.
    pub fn tip(self, text: &str) -> Self {
        if text.is_empty() { self } else { self.inside(Self::new("title").text(text)) }
    }

    /// Adds text.
    pub fn text(mut self, text: &str) -> Self {
        self.content += &escape(&clean(text));
        self
    }

    /// Adds an element.
    pub fn inside(mut self, element: Self) -> Self {
        let _ = write!(self.content, "{element}");
        self
    }
}

impl Display for Element {
    fn fmt(&self, formatter: &mut Formatter) -> Result {
        let Self { name, attributes, content } = self;
        match content.is_empty() {
            true => write!(formatter, "<{name}{attributes}/>"),
            false => write!(formatter, "<{name}{attributes}>{content}</{name}>"),
        }
    }
}

/// A length in tenths.
pub fn short(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
