//! Comparison of tensors that says which one differs, by how much and where.

use std::fmt::Write;

use tch::{Kind, Tensor, no_grad};

/// How far two numbers may be apart: `absolute` + `relative` · |expected|.
#[derive(Clone, Copy)]
pub struct Tolerance {
    absolute: f64,
    relative: f64,
}

/// Both sides work in single precision, whose steps are 1e-7 of a number, and sum in different orders.
pub const FORWARD: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };
/// Gradients go back through every step of both recurrences.
pub const GRADIENT: Tolerance = Tolerance { absolute: 1e-6, relative: 1e-4 };
/// Adam's steps, 0.01 each here, divide a gradient by its own size: one near zero hands on the error of its every digit.
pub const TRAINED: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-4 };

/// Collects what differs over many cases, so that one run shows all of it.
#[derive(Default)]
pub struct Comparison {
    case: String,
    compared: usize,
    differences: Vec<String>,
}

impl Comparison {
    /// Names the case that the next comparisons belong to.
    pub fn case(&mut self, name: &str) {
        self.case = name.to_owned();
    }

    /// Notes a difference unless every number of `found` is within the tolerance of `expected`.
    pub fn close(&mut self, name: &str, found: &Tensor, expected: &Tensor, tolerance: Tolerance) {
        self.compared += 1;
        if let Some(difference) = no_grad(|| difference(found, expected, tolerance)) {
            self.differences.push(format!("{}: {name} {difference}", self.case));
        }
    }

    /// # Panics
    /// When anything differed, with all that did; and when nothing was compared.
    pub fn finish(self) {
        assert!(self.compared > 0, "nothing was compared: are the fixtures there?");
        let differences = self.differences;
        assert!(differences.is_empty(), "{} of {} tensors differ\n{}", differences.len(), self.compared, differences.join("\n"));
    }
}

fn difference(found: &Tensor, expected: &Tensor, tolerance: Tolerance) -> Option<String> {
    if found.size() != expected.size() {
        return Some(format!("has shape {:?}, expected {:?}", found.size(), expected.size()));
    }
    let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    let apart = (&found - &expected).abs();
    let allowed = expected.abs() * tolerance.relative + tolerance.absolute;
    // `le` is false for NaN.
    if apart.le_tensor(&allowed).all().int64_value(&[]) == 1 {
        return None;
    }
    let worst = (&apart / &allowed).nan_to_num(f64::MAX, f64::MAX, 0.0).argmax(None, false).int64_value(&[]);
    let at = |tensor: &Tensor| tensor.flatten(0, -1).double_value(&[worst]);
    let mut text = format!("differs by {:.3e} at {:?}", at(&apart), place(worst, &expected.size()));
    for (side, tensor) in [("found", &found), ("expected", &expected)] {
        let flat = tensor.flatten(0, -1);
        let first = Vec::<f64>::try_from(flat.narrow(0, 0, flat.size()[0].min(4))).expect("numbers of a tensor");
        write!(text, "\n    {side:8} {:.7} there; first values {first:.6?}", at(tensor)).expect("a string takes text");
    }
    Some(text)
}

/// Index in each dimension of a position in the flattened tensor.
fn place(mut position: i64, size: &[i64]) -> Vec<i64> {
    let mut index: Vec<i64> = size
        .iter()
        .rev()
        .map(|&length| {
            let here = position % length;
            position /= length;
            here
        })
        .collect();
    index.reverse();
    index
}

#[test]
fn a_wrong_number_is_named_with_its_place() {
    let expected = Tensor::zeros([2, 3], (Kind::Float, tch::Device::Cpu));
    let found = expected.copy();
    let _ = found.get(1).get(2).fill_(0.5);
    let message = difference(&found, &expected, FORWARD).expect("a difference");
    assert!(message.starts_with("differs by 5.000e-1 at [1, 2]"), "{message}");
    let _ = found.get(0).get(1).fill_(f64::NAN);
    assert!(difference(&found, &expected, FORWARD).expect("a difference").contains("at [0, 1]"));
    assert!(difference(&expected, &expected, FORWARD).is_none());
    assert!(difference(&expected, &expected.get(0), FORWARD).expect("a difference").contains("shape"));
}
