//! Problems whose answers are positions of the input, generated.

use super::geometry::{Point, hull};
use crate::recipe::PointingProblem;
use crate::studies::random::RandomGenerator;

/// One problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// n inputs of one or two numbers.
    pub inputs: Vec<Vec<f32>>,
    /// Positions of the inputs, counted from 0, in the order wanted.
    pub answer: Vec<usize>,
}

impl Example {
    /// Inputs with the right answer.
    pub fn new(problem: PointingProblem, inputs: Vec<Vec<f32>>) -> Self {
        let mut example = Example { inputs, answer: Vec::new() };
        example.answer = match problem {
            PointingProblem::Sort => {
                let mut order: Vec<usize> = (0..example.inputs.len()).collect();
                order.sort_by(|&a, &b| example.inputs[a][0].total_cmp(&example.inputs[b][0]));
                order
            }
            PointingProblem::Hull => hull(&example.points()),
        };
        example
    }

    /// The inputs as points, as the float32 the model sees.
    pub fn points(&self) -> Vec<Point> {
        self.inputs.iter().map(|input| Point { x: f64::from(input[0]), y: f64::from(input[1]) }).collect()
    }
}

impl PointingProblem {
    /// Numbers of an input.
    pub fn width(self) -> i64 {
        match self {
            Self::Sort => 1,
            Self::Hull => 2,
        }
    }

    /// A problem of `count` inputs, 3 or more.
    pub fn draw(self, count: usize, random: &mut RandomGenerator) -> Example {
        // 24 bits, which float32 holds exactly.
        let mut number = || (random.share() * 16_777_216.0).floor() as f32 / 16_777_216.0;
        Example::new(self, (0..count).map(|_| (0..self.width()).map(|_| number()).collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_right_and_a_function_of_seed_and_number() {
        for number in 0..50 {
            let draw = |problem: PointingProblem| problem.draw(10, &mut RandomGenerator::new(3, number));
            let sort = draw(PointingProblem::Sort);
            assert_eq!(sort, draw(PointingProblem::Sort));
            assert_eq!((sort.inputs.len(), sort.answer.len(), sort.inputs[0].len()), (10, 10, 1));
            assert!(sort.answer.windows(2).all(|pair| sort.inputs[pair[0]][0] <= sort.inputs[pair[1]][0]));
            let hulls = draw(PointingProblem::Hull);
            assert_eq!(hulls.answer, hull(&hulls.points()));
            assert!(hulls.answer.len() >= 3 && hulls.inputs[0].len() == 2);
        }
        let [one, other] = [1, 2].map(|number| PointingProblem::Sort.draw(5, &mut RandomGenerator::new(3, number)));
        assert_ne!(one, other);
    }

    #[test]
    fn hulls_have_the_expected_number_of_corners() {
        // Of four points in a square one lies inside the triangle of the others with probability 4 · 11/144 (Sylvester's problem).
        let mean = |count: usize| {
            let corners = |number| PointingProblem::Hull.draw(count, &mut RandomGenerator::new(9, number)).answer.len();
            (0..20_000).map(corners).sum::<usize>() as f64 / 20_000.0
        };
        assert_eq!(mean(3), 3.0);
        assert!((mean(4) - (4.0 - 4.0 * 11.0 / 144.0)).abs() < 0.01);
    }
}
