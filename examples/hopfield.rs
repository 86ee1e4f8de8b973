//! Stores patterns, corrupts them and recalls them: `cargo run --release --example hopfield`.

use anyhow::Result;
use targum::memory::hopfield::{BinaryHopfield, LearningRule, ModernHopfield, Patterns};
use tch::Kind;

fn main() -> Result<()> {
    let patterns = Patterns::random(20, 200, 1, Kind::Double)?;
    let cues = patterns.flipped(40, 2)?;
    println!("cues: overlap {:.2}", mean(&patterns, &cues)?);
    for rule in [LearningRule::Hebb, LearningRule::Storkey, LearningRule::PseudoInverse] {
        let network = BinaryHopfield::learn(&patterns, rule)?;
        let recalled = network.asynchronous(&cues, 3, 50)?;
        let (start, end) = (recalled.energies[0][0], recalled.energies[0].last().copied().unwrap_or_default());
        let overlap = mean(&patterns, &recalled.states)?;
        println!("{rule:?}: overlap {overlap:.2}; energy of the first from {start:.1} down to {end:.1}");
    }
    // The modern network takes real numbers, and one update: attention to what is stored.
    let network = ModernHopfield::new(patterns.tensor(), 0.1)?;
    let update = Patterns::new(&network.update(cues.tensor()).sign())?;
    println!("modern: overlap {:.2} after one update", mean(&patterns, &update)?);
    Ok(())
}

fn mean(patterns: &Patterns, others: &Patterns) -> Result<f64> {
    Ok(patterns.overlap(others)?.mean(Kind::Double).double_value(&[]))
}
