//! What objects there are: shapes and colours.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    Circle,
    Square,
    Triangle,
    Cross,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    Red,
    Orange,
    Yellow,
    Green,
    Blue,
    Purple,
}

pub const SHAPES: [(Shape, &str); 4] =
    [(Shape::Circle, "circle"), (Shape::Square, "square"), (Shape::Triangle, "triangle"), (Shape::Cross, "cross")];

/// In the order of the rainbow.
pub const COLOURS: [(Colour, &str); 6] = [
    (Colour::Red, "red"),
    (Colour::Orange, "orange"),
    (Colour::Yellow, "yellow"),
    (Colour::Green, "green"),
    (Colour::Blue, "blue"),
    (Colour::Purple, "purple"),
];

impl Shape {
    pub fn name(self) -> &'static str {
        SHAPES[self as usize].1
    }

    /// Whether it covers a point of its bounding box, which goes from -1 to 1 in both directions, down being positive.
    pub fn covers(self, x: f64, y: f64) -> bool {
        const ARM: f64 = 1.0 / 3.0;
        match self {
            Shape::Circle => x * x + y * y <= 1.0,
            Shape::Square => true,
            Shape::Triangle => x.abs() <= (y + 1.0) / 2.0,
            Shape::Cross => x.abs() <= ARM || y.abs() <= ARM,
        }
    }
}

impl Colour {
    pub fn name(self) -> &'static str {
        COLOURS[self as usize].1
    }
}

/// What an object is, wherever it is: its shape and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectKind {
    pub shape: Shape,
    pub colour: Colour,
}
