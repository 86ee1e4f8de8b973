//! Formulas, generated as Kim et al. 2017 do: sums and products of two to four expressions, nested to a given depth.

use anyhow::{Result, bail, ensure};

use crate::studies::random::RandomGenerator;

/// Most operands of an operation.
const OPERANDS: usize = 4;
/// Deepest formula that is read.
const DEEPEST: usize = 100;
/// The largest number.
const LARGEST: u8 = 20;
/// How often an operand is an operation, where none has to be. The paper does not say; this keeps depth 6 under a hundred symbols on average.
const NESTED: f64 = 0.25;

/// A symbol's id. The one at the start of a source, which is the root of its tree, also starts and ends targets.
pub const ROOT: i64 = 0;
const OPEN: i64 = 1;
const CLOSE: i64 = 2;
const PLUS: i64 = 3;
const TIMES: i64 = 4;
const ZERO: i64 = 5;
/// How many symbols there are.
pub const SYMBOLS: i64 = ZERO + LARGEST as i64 + 1;

/// How a symbol is written.
pub fn spelled(symbol: i64) -> String {
    match symbol {
        ROOT => "$".to_owned(),
        OPEN => "(".to_owned(),
        CLOSE => ")".to_owned(),
        PLUS => "+".to_owned(),
        TIMES => "*".to_owned(),
        number => (number - ZERO).to_string(),
    }
}

/// A number, or an operation on several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    Number(u8),
    Operation { operator: i64, operands: Vec<Formula> },
}

impl Formula {
    /// A formula nested exactly so deep; a number where that is 0.
    pub fn draw(depth: usize, random: &mut RandomGenerator) -> Self {
        if depth == 0 {
            return Formula::Number(random.between(0, LARGEST.into()) as u8);
        }
        let operator = *random.pick(&[PLUS, TIMES]);
        let count = random.between(2, OPERANDS);
        let deepest = random.between(0, count - 1);
        let operands = (0..count).map(|operand| {
            let depth = match depth - 1 {
                below if operand == deepest => below,
                below if below > 0 && random.share() < NESTED => random.between(1, below),
                _ => 0,
            };
            Formula::draw(depth, random)
        });
        Formula::Operation { operator, operands: operands.collect() }
    }

    /// The source: `$ ( * ( + 15 7 ) 1 8 )`.
    pub fn prefix(&self) -> Vec<i64> {
        let mut symbols = vec![ROOT];
        self.add_prefix(&mut symbols);
        symbols
    }

    /// Of every number in [`Self::prefix`] its place, and that of its operator.
    pub fn operators_of_numbers(&self) -> Vec<(usize, usize)> {
        let (mut operators, mut found) = (Vec::new(), Vec::new());
        for (place, symbol) in self.prefix().into_iter().enumerate() {
            match symbol {
                PLUS | TIMES => operators.push(place),
                CLOSE => drop(operators.pop()),
                ROOT | OPEN => {}
                _ => found.extend(operators.last().map(|&operator| (place, operator))),
            }
        }
        found
    }

    /// Reads prefix notation: `( * ( + 15 7 ) 1 8 )`, the `$` of its root left out or not.
    ///
    /// # Errors
    /// Names the symbol, counted from 1, that cannot stand there.
    pub fn parse(text: &str) -> Result<Self> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().filter(|word| *word != "$").collect();
        let mut at = 0;
        let formula = Self::parse_from(&words, &mut at, 0)?;
        ensure!(at == words.len(), "symbol {}: expected the end behind a whole formula, found {:?}", at + 1, words[at]);
        Ok(formula)
    }

    fn parse_from(words: &[&str], at: &mut usize, depth: usize) -> Result<Self> {
        ensure!(depth <= DEEPEST, "symbol {}: nested more than {DEEPEST} deep", *at + 1);
        let place = *at + 1;
        let word = words.get(*at).copied();
        *at += 1;
        match word {
            Some("(") => {
                let operator = match words.get(*at).copied() {
                    Some("+") => PLUS,
                    Some("*") => TIMES,
                    other => bail!("symbol {}: expected + or *, found {}", *at + 1, other.unwrap_or("the end")),
                };
                *at += 1;
                let mut operands = Vec::new();
                while words.get(*at).is_some_and(|word| *word != ")") {
                    operands.push(Self::parse_from(words, at, depth + 1)?);
                }
                ensure!(*at < words.len(), "symbol {place}: this bracket is never closed");
                *at += 1;
                let count = operands.len();
                ensure!((2..=OPERANDS).contains(&count), "symbol {place}: {count} operands, expected 2 to {OPERANDS}");
                Ok(Formula::Operation { operator, operands })
            }
            Some(word) => match word.parse::<u8>() {
                Ok(number) if number <= LARGEST => Ok(Formula::Number(number)),
                _ => bail!("symbol {place}: expected a number from 0 to {LARGEST} or a bracket, found {word:?}"),
            },
            None => bail!("symbol {place}: expected a number or a bracket, found the end"),
        }
    }

    fn add_prefix(&self, symbols: &mut Vec<i64>) {
        match self {
            Formula::Number(number) => symbols.push(ZERO + i64::from(*number)),
            Formula::Operation { operator, operands } => {
                symbols.extend([OPEN, *operator]);
                operands.iter().for_each(|operand| operand.add_prefix(symbols));
                symbols.push(CLOSE);
            }
        }
    }

    /// The target: `( 15 + 7 ) * 1 * 8 $`, no brackets around the whole.
    pub fn infix(&self) -> Vec<i64> {
        let mut symbols = Vec::new();
        self.add_infix(&mut symbols);
        symbols.push(ROOT);
        symbols
    }

    fn add_infix(&self, symbols: &mut Vec<i64>) {
        let Formula::Operation { operator, operands } = self else {
            self.add_prefix(symbols);
            return;
        };
        for (index, operand) in operands.iter().enumerate() {
            if index > 0 {
                symbols.push(*operator);
            }
            let bracketed = matches!(operand, Formula::Operation { .. });
            symbols.extend(bracketed.then_some(OPEN));
            operand.add_infix(symbols);
            symbols.extend(bracketed.then_some(CLOSE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(formula: &Formula) -> usize {
        match formula {
            Formula::Number(_) => 0,
            Formula::Operation { operands, .. } => 1 + operands.iter().map(depth).max().unwrap(),
        }
    }

    /// Reads infix notation up to the end or a closing bracket.
    fn read(symbols: &mut dyn Iterator<Item = i64>) -> Formula {
        let (mut operands, mut operators) = (Vec::new(), Vec::new());
        while let Some(symbol) = symbols.next() {
            match symbol {
                ROOT | CLOSE => break,
                PLUS | TIMES => operators.push(symbol),
                OPEN => operands.push(read(symbols)),
                number => operands.push(Formula::Number((number - ZERO) as u8)),
            }
        }
        assert_eq!(operators.len() + 1, operands.len());
        operators.dedup();
        assert_eq!(operators.len(), 1, "brackets hold one operator");
        Formula::Operation { operator: operators[0], operands }
    }

    #[test]
    fn the_example_of_the_paper() {
        let number = Formula::Number;
        let operation = |operator, operands: &[Formula]| Formula::Operation { operator, operands: operands.to_vec() };
        let inner = operation(PLUS, &[number(15), number(7)]);
        let formula = operation(
            TIMES,
            &[operation(PLUS, &[inner, number(1), number(8)]), operation(PLUS, &[number(19), number(0), number(11)])],
        );
        let text = |symbols: &[i64]| symbols.iter().map(|&symbol| spelled(symbol)).collect::<Vec<_>>().join(" ");
        assert_eq!(text(&formula.prefix()), "$ ( * ( + ( + 15 7 ) 1 8 ) ( + 19 0 11 ) )");
        assert_eq!(text(&formula.infix()), "( ( 15 + 7 ) + 1 + 8 ) * ( 19 + 0 + 11 ) $");
        assert_eq!(depth(&formula), 3);
    }

    #[test]
    fn formulas_are_as_deep_as_asked_and_can_be_read_back() {
        for (wanted, number) in (1..=6).flat_map(|wanted| (0..40).map(move |number| (wanted, number))) {
            let formula = Formula::draw(wanted, &mut RandomGenerator::new(wanted as u64, number));
            assert_eq!(depth(&formula), wanted);
            assert_eq!(read(&mut formula.infix().into_iter()), formula);
            assert!(formula.prefix().iter().all(|symbol| (0..SYMBOLS).contains(symbol)));
        }
    }

    #[test]
    fn prefix_notation_is_read_and_what_is_wrong_is_named() {
        for (depth, number) in (1..=5).flat_map(|depth| (0..20).map(move |number| (depth, number))) {
            let formula = Formula::draw(depth, &mut RandomGenerator::new(depth as u64, number));
            let text: Vec<String> = formula.prefix().into_iter().map(spelled).collect();
            assert_eq!(Formula::parse(&text.join(" ")).unwrap(), formula);
        }
        assert_eq!(Formula::parse("(+ 1 (* 2 3))").unwrap().infix().len(), 8);
        for (text, expected) in [
            ("", "symbol 1: expected a number or a bracket, found the end"),
            ("( + 1 2", "symbol 1: this bracket is never closed"),
            ("( + 1 )", "symbol 1: 1 operands, expected 2 to 4"),
            ("( 1 + 2 )", "symbol 2: expected + or *, found 1"),
            ("( + 1 21 )", "symbol 4: expected a number from 0 to 20"),
            ("( + 1 2 ) 3", "symbol 6: expected the end"),
        ] {
            assert!(Formula::parse(text).unwrap_err().to_string().contains(expected), "{text}");
        }
        assert!(Formula::parse(&"( + 1 ".repeat(100_000)).unwrap_err().to_string().contains("nested more than"));
    }

    #[test]
    fn lengths_grow_gently() {
        let mean = |depth| {
            let lengths = (0..500).map(|number| Formula::draw(depth, &mut RandomGenerator::new(1, number)).prefix().len());
            lengths.sum::<usize>() as f64 / 500.0
        };
        assert!(mean(2) < 20.0 && mean(6) < 100.0, "{} {}", mean(2), mean(6));
    }
}
