//! Line charts: a few named curves over two axes, told apart by colour and by marker.

mod axis;
mod draw;

use anyhow::{Result, ensure};

use axis::Axis;

use crate::picture::Drawing;

/// A chart of one or more curves. The SVG is a function of what was given, byte for byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    title: String,
    x: Axis,
    y: Axis,
    curves: Vec<Curve>,
    references: Vec<(f64, String)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Chart {
    /// An empty chart; both axes are linear and as long as the curves need.
    pub fn new(title: &str, x_label: &str, y_label: &str) -> Self {
        Chart {
            title: title.to_owned(),
            x: Axis::new(x_label),
            y: Axis::new(y_label),
            curves: Vec::new(),
            references: Vec::new(),
        }
    }

    /// Equal ratios along x are equally far apart; every x must be above 0.
    pub fn logarithmic_x(mut self) -> Self {
        self.x.logarithmic = true;
        self
    }

    /// The same along y.
    pub fn logarithmic_y(mut self) -> Self {
        self.y.logarithmic = true;
        self
    }

    /// The y axis reaches at least from `low` to `high`.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y.reach = vec![low, high];
        self
    }

    /// Adds a curve through `points` (x, y), in their order.
    pub fn curve(mut self, name: &str, points: &[(f64, f64)]) -> Self {
        self.curves.push(Curve { name: name.to_owned(), points: points.to_vec() });
        self
    }

    /// Adds a dashed vertical line at `x`.
    pub fn reference(mut self, x: f64, label: &str) -> Self {
        self.references.push((x, label.to_owned()));
        self
    }

    /// The picture, of which there is SVG and PNG. In SVG points tell their numbers on hovering.
    ///
    /// # Errors
    /// No point at all, numbers that are not finite, and numbers that are not above 0 on a logarithmic axis.
    pub fn drawing(&self) -> Result<Drawing> {
        let of_x = || self.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0));
        let of_y = || self.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1));
        ensure!(of_x().next().is_some(), "chart {:?} has no points: give it a curve", self.title);
        for Curve { name, points } in &self.curves {
            for (number, &(x, y)) in points.iter().enumerate() {
                for (axis, value) in [(&self.x, x), (&self.y, y)] {
                    axis.check(value)
                        .map_err(|error| error.context(format!("chart {:?}, curve {name:?}, point {number}", self.title)))?;
                }
            }
        }
        let title = &self.title;
        for (x, label) in &self.references {
            self.x.check(*x).map_err(|error| error.context(format!("chart {title:?}, reference {label:?}")))?;
        }
        for &end in &self.y.reach {
            self.y.check(end).map_err(|error| error.context(format!("chart {title:?}, range of the y axis")))?;
        }
        let x = self.x.span(of_x().chain(self.references.iter().map(|reference| reference.0)), false);
        let y = self.y.span(of_y(), true);
        Ok(draw::draw(self, &x, &y))
    }
}

#[cfg(test)]
mod tests;
