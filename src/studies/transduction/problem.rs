//! The sequences, generated.

use crate::recipe::{TransductionProblem, TransductionRecipe};
use crate::studies::random::RandomGenerator;

/// What a model reads, and what it is to predict at the last steps: the target and the end, by teacher forcing.
#[derive(Debug, Clone, PartialEq)]
pub struct Transduction {
    /// Start, source, separator, target: T ids.
    pub inputs: Vec<i64>,
    /// Target, end.
    pub outputs: Vec<i64>,
}

impl TransductionRecipe {
    /// Symbols, and the three marks behind them.
    pub fn vocabulary(&self) -> i64 {
        self.symbols + 3
    }

    /// How a symbol is written: its number, or what the mark means.
    pub fn spelled(&self, symbol: i64) -> String {
        match symbol - self.symbols {
            0 => "start".to_owned(),
            1 => "|".to_owned(),
            2 => "end".to_owned(),
            _ => symbol.to_string(),
        }
    }

    /// A length from `shortest` to `longest`.
    pub fn draw_length(&self, shortest: usize, longest: usize, random: &mut RandomGenerator) -> usize {
        match self.problem {
            TransductionProblem::BigramFlip => 2 * random.between(shortest.div_ceil(2), longest / 2),
            _ => random.between(shortest, longest),
        }
    }

    /// A sequence of this length.
    pub fn draw(&self, length: usize, random: &mut RandomGenerator) -> Transduction {
        let [start, separator, end] = [0, 1, 2].map(|mark| self.symbols + mark);
        let source: Vec<i64> = (0..length).map(|_| random.between(0, self.symbols as usize - 1) as i64).collect();
        let target = transduced(self.problem, &source);
        Transduction {
            inputs: [&[start], source.as_slice(), &[separator], target.as_slice()].concat(),
            outputs: [target.as_slice(), &[end]].concat(),
        }
    }
}

pub fn transduced(problem: TransductionProblem, source: &[i64]) -> Vec<i64> {
    match problem {
        TransductionProblem::Copy => source.to_vec(),
        TransductionProblem::Reverse => source.iter().rev().copied().collect(),
        TransductionProblem::BigramFlip => source.chunks(2).flat_map(|bigram| bigram.iter().rev().copied()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_problems() {
        let source = [1, 2, 3, 4];
        assert_eq!(transduced(TransductionProblem::Copy, &source), source);
        assert_eq!(transduced(TransductionProblem::Reverse, &source), [4, 3, 2, 1]);
        assert_eq!(transduced(TransductionProblem::BigramFlip, &source), [2, 1, 4, 3]);
    }

    #[test]
    fn sequences_are_marked() {
        let recipe = TransductionRecipe { symbols: 5, problem: TransductionProblem::Reverse, ..TransductionRecipe::default() };
        let drawn = recipe.draw(3, &mut RandomGenerator::new(1, 1));
        let source = &drawn.inputs[1..4];
        assert_eq!(drawn.inputs[0], 5);
        assert_eq!(drawn.inputs[4], 6);
        assert_eq!(drawn.inputs[5..], [source[2], source[1], source[0]]);
        assert_eq!(drawn.outputs, [source[2], source[1], source[0], 7]);
        assert!(source.iter().all(|symbol| (0..5).contains(symbol)));
    }

    #[test]
    fn bigrams_have_even_lengths() {
        let recipe = TransductionRecipe { problem: TransductionProblem::BigramFlip, ..TransductionRecipe::default() };
        let mut random = RandomGenerator::new(1, 2);
        let lengths: Vec<usize> = (0..500).map(|_| recipe.draw_length(65, 128, &mut random)).collect();
        assert!(lengths.iter().all(|length| length.is_multiple_of(2) && (66..=128).contains(length)));
        assert!(lengths.contains(&66) && lengths.contains(&128));
    }
}
