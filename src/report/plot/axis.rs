//! Axes: what they reach over, and where their ticks are.

use anyhow::{Result, ensure};

/// An axis as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub label: String,
    pub logarithmic: bool,
    /// Values that it must reach beside those of the curves.
    pub reach: Vec<f64>,
}

/// An axis over given values.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    low: f64,
    high: f64,
    logarithmic: bool,
    pub ticks: Vec<f64>,
}

impl Axis {
    pub fn new(label: &str) -> Self {
        Axis { label: label.to_owned(), logarithmic: false, reach: Vec::new() }
    }

    /// A value has to have a place on it.
    pub fn check(&self, value: f64) -> Result<()> {
        ensure!(value.is_finite(), "found {value} on the axis {:?}, expected a finite number", self.label);
        ensure!(
            value > 0.0 || !self.logarithmic,
            "found {value} on the logarithmic axis {:?}, expected a number above 0: leave the point out or use a linear axis",
            self.label
        );
        Ok(())
    }

    /// Over all `values`, at least one, and from tick to tick where it is `rounded`.
    pub fn span(&self, values: impl Iterator<Item = f64>, rounded: bool) -> Span {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        values.chain(self.reach.iter().copied()).for_each(|value| (low, high) = (low.min(value), high.max(value)));
        if low == high {
            // One value alone stands in the middle.
            (low, high) = if self.logarithmic { (low / 2.0, high * 2.0) } else { (low - 0.5, high + 0.5) };
        }
        let steps = if self.logarithmic { ratios(low, high) } else { steps(low, high) };
        if rounded {
            low = steps.iter().copied().rfind(|&tick| tick <= low).unwrap_or(low);
            high = steps.iter().copied().find(|&tick| tick >= high).unwrap_or(high);
        }
        let ticks = steps.into_iter().filter(|&tick| tick >= low && tick <= high).collect();
        Span { low, high, logarithmic: self.logarithmic, ticks }
    }
}

impl Span {
    /// Where a value stands: 0 at the lower end, 1 at the upper.
    pub fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }
}

/// Ticks 1, 2 or 5 times a power of ten apart, about six, from below `low` to above `high`.
fn steps(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 6.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|&step| step >= rough).unwrap_or(10.0 * power);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    // Multiplying by a step below one would leave 0.30000000000000004.
    let per_one = (1.0 / step).round();
    (first..=last).map(|tick| if step < 1.0 { tick as f64 / per_one } else { tick as f64 * step }).collect()
}

/// Powers of ten, every second or third where there are many, with 2 and 5 times them where there are few.
fn ratios(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = (last - first).max(1) as usize;
    let within: &[f64] = if decades <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = (first..=last).step_by(decades.div_ceil(8));
    powers.flat_map(|power| within.iter().map(move |factor| factor * 10f64.powi(power))).collect()
}

/// A tick's number as people write it.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-3..1e5).contains(&size) {
        let power = size.log10().floor() as i32;
        let factor = value / 10f64.powi(power);
        let tens = format!("10{}", power.to_string().chars().map(superscript).collect::<String>());
        return if (factor - 1.0).abs() < 1e-9 { tens } else { format!("{}·{tens}", number((factor * 1e4).round() / 1e4)) };
    }
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

fn superscript(digit: char) -> char {
    match digit {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '-' => '⁻',
        // The others stand in one row from U+2074.
        other => char::from_u32(0x2070 + other.to_digit(10).unwrap_or(0)).unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(values: &[f64], logarithmic: bool) -> Span {
        Axis { logarithmic, ..Axis::new("x") }.span(values.iter().copied(), true)
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(span(&[0.0, 1.0], false).ticks, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(span(&[0.03, 0.29], false).ticks, [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
        assert_eq!(span(&[-130.0, 900.0], false).ticks, [-200.0, 0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]);
        assert_eq!(span(&[0.05, 900.0], true).ticks, [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(span(&[3.0, 40.0], true).ticks, [2.0, 5.0, 10.0, 20.0, 50.0]);
    }

    #[test]
    fn numbers_read_well() {
        let numbers = [(0.30000000000000004, "0.3"), (-2.5, "−2.5"), (20000.0, "20000"), (0.0, "0"), (-0.0, "0")];
        let powers = [(1e6, "10⁶"), (1e-4, "10⁻⁴"), (2e5, "2·10⁵"), (1e12, "10¹²"), (-3e7, "−3·10⁷")];
        for (value, text) in numbers.into_iter().chain(powers) {
            assert_eq!(number(value), text);
        }
    }

    proptest! {
        #[test]
        fn every_value_has_its_place_among_ticks(
            values in proptest::collection::vec(1e-6f64..1e6, 1..20), logarithmic: bool, rounded: bool
        ) {
            let axis = Axis { logarithmic, ..Axis::new("x") };
            let span = axis.span(values.iter().copied(), rounded);
            for value in values {
                let place = span.place(value);
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&place), "{value} at {place}");
            }
            prop_assert!(!span.ticks.is_empty() || !rounded);
            prop_assert!(span.ticks.len() <= 12, "{:?}", span.ticks);
            prop_assert!(span.ticks.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
