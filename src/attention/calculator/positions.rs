//! Tables of positions (Vaswani et al. 2017, section 3.5; Gehring et al. 2017 for learned ones): what they look like, and how alike two
//! positions are.

use anyhow::{Result, ensure};
use serde::Serialize;
use tch::{Kind, Tensor};

use crate::picture::Drawing;
use crate::report::Strip;

/// Products of the positions that stand a distance apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtDistance {
    pub distance: i64,
    pub mean: f64,
    pub smallest: f64,
    pub largest: f64,
}

/// p·p' of every two positions of a table [L, D]: [L, L].
pub fn products(table: &Tensor) -> Tensor {
    table.matmul(&table.tr())
}

/// Products [L, L] by distance. Those of sinusoids depend on it alone: Σ cos(ω (t - t')) over the frequencies.
pub fn by_distance(products: &Tensor) -> Vec<AtDistance> {
    let of = |distance: i64| {
        let found = products.diagonal(distance, 0, 1);
        AtDistance {
            distance,
            mean: found.mean(Kind::Double).double_value(&[]),
            smallest: found.min().double_value(&[]),
            largest: found.max().double_value(&[]),
        }
    };
    (0..products.size()[0]).map(of).collect()
}

/// A picture of a matrix [L, N]: white at the least of its numbers, black at the greatest.
///
/// # Errors
/// An empty matrix, and numbers that are not finite.
pub fn picture(title: &str, columns: &str, rows: &str, matrix: &Tensor) -> Result<Drawing> {
    let (down, across) = matrix.size2()?;
    ensure!(down > 0 && across > 0, "there is nothing to draw of {down} × {across} numbers");
    let least = matrix.min().double_value(&[]);
    let range = (matrix.max().double_value(&[]) - least).max(f64::MIN_POSITIVE);
    let shades = (matrix - least) / range;
    let dots = Vec::<f32>::try_from(shades.to_kind(Kind::Float).reshape([-1]))?;
    Strip::new(title, &[columns.to_owned()], across as usize).row(rows, vec![dots]).drawing()
}
