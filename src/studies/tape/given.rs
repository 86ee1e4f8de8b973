//! Sequences that people give, in place of those that are drawn.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::problem::{self, BITS, CONTEXT, Edge, ITEM_BITS, ITEM_VECTORS, Sequence, Side};
use crate::recipe::TapeProblem;

/// A sequence as it is given. Vectors are strings of 0 and 1; those of an item stand behind each other with commas.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    vectors: Vec<String>,
    /// How often they are wanted.
    repeats: Option<usize>,
    /// One for each vector.
    priorities: Vec<f64>,
    /// The item that is asked for by naming the one before it; or the root of a tree, and a way down from it.
    asked: Option<String>,
}

impl Given {
    /// `VECTOR VECTOR … xN`, `VECTOR:PRIORITY …`, `ITEM ITEM … ? ITEM`, `EDGE EDGE … ? ROOT AND WAY`.
    pub fn of_text(text: &str) -> Result<Self> {
        let mut given = Given::default();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            if word == "?" {
                given.asked = Some(words.next().context("expected an item behind the question mark, found the end")?.to_owned());
            } else if let Some(repeats) = word.strip_prefix(['x', '×']) {
                given.repeats = Some(repeats.parse().with_context(|| format!("{word:?}: expected `x` and a number"))?);
            } else if let Some((vector, priority)) = word.split_once(':') {
                given.vectors.push(vector.to_owned());
                given.priorities.push(priority.parse().with_context(|| format!("{word:?}: expected VECTOR:PRIORITY"))?);
            } else {
                given.vectors.push(word.to_owned());
            }
        }
        Ok(given)
    }

    /// Inputs and targets of a machine.
    ///
    /// # Errors
    /// Names the vector that has other bits, and what the problem has no use for.
    pub fn sequence(&self, problem: &TapeProblem) -> Result<Sequence> {
        let (sorts, repeats, recalls) = (
            matches!(problem, TapeProblem::PrioritySort { .. }),
            matches!(problem, TapeProblem::RepeatCopy { .. }),
            matches!(problem, TapeProblem::AssociativeRecall { .. } | TapeProblem::TreeNavigation { .. }),
        );
        ensure!(!self.vectors.is_empty(), "expected a vector at least, found none");
        ensure!(repeats || self.repeats.is_none(), "found how often vectors are wanted, which only repeat-copy has");
        ensure!(
            recalls || self.asked.is_none(),
            "found what is asked for, which only associative recall and tree navigation have"
        );
        ensure!(sorts || self.priorities.is_empty(), "found priorities, which only priority-sort has");
        let vectors = |width: usize| self.vectors.iter().map(|vector| bits(vector, width)).collect::<Result<Vec<_>>>();
        Ok(match *problem {
            TapeProblem::Copy { .. } => problem::copy(vectors(BITS)?),
            TapeProblem::Reverse { .. } => problem::reverse(vectors(BITS)?),
            TapeProblem::RepeatCopy { repeats: most, .. } => {
                let repeats = self.repeats.context("expected how often the vectors are wanted, as in `10110010 x3`")?;
                ensure!((1..=1000).contains(&repeats), "{repeats} repeats, expected 1 to 1000");
                problem::repeat_copy(&vectors(BITS)?, repeats, most as usize)
            }
            TapeProblem::AssociativeRecall { .. } => {
                let items = self.vectors.iter().map(|text| item(text)).collect::<Result<Vec<_>>>()?;
                let text = self.asked.as_ref().context("expected an item that is asked for, behind a question mark")?;
                let asked = item(text)?;
                let place = items.iter().position(|item| *item == asked);
                match place {
                    Some(place) if place + 1 < items.len() => problem::recall(&items, place),
                    Some(_) => bail!("{text} is the last item: nothing comes after it that could be answered"),
                    None => bail!("{text} is none of the items: name one that another comes after"),
                }
            }
            TapeProblem::DynamicNgrams { .. } => {
                let text = self.vectors.concat();
                let sequence = bits(&text, text.len())?;
                ensure!(sequence.len() > CONTEXT, "found {} bits, expected more than {CONTEXT}", sequence.len());
                problem::ngrams_of_bits(&sequence)
            }
            TapeProblem::PrioritySort { sorted, .. } => {
                ensure!(
                    self.priorities.len() == self.vectors.len(),
                    "found {} priorities of {} vectors, expected one for each: `10110010:0.5`",
                    self.priorities.len(),
                    self.vectors.len()
                );
                if let Some(other) = self.priorities.iter().find(|priority| !(-1.0..=1.0).contains(*priority)) {
                    bail!("the priority {other}, expected -1 to 1");
                }
                let vectors = self.priorities.iter().copied().zip(vectors(BITS)?).collect();
                problem::sort(vectors, sorted as usize)
            }
            TapeProblem::TreeNavigation { .. } => {
                let edges = self.vectors.iter().map(|text| edge(text)).collect::<Result<Vec<_>>>()?;
                let text = self.asked.as_ref().context("expected a root with a way, `? 10110010LR`, behind the edges")?;
                let (root, way) = root_and_way(text)?;
                problem::navigation(&edges, &root, &way)
                    .with_context(|| format!("the way {text} leaves the tree: no edge leads on at one of its steps"))?
            }
        })
    }

    /// In what it goes beyond what is trained on.
    pub fn beyond(&self, problem: &TapeProblem) -> Vec<String> {
        let largest = problem.largest();
        let (count, what) = match problem {
            TapeProblem::AssociativeRecall { .. } => (self.vectors.len(), "items"),
            TapeProblem::DynamicNgrams { .. } => (self.vectors.iter().map(String::len).sum(), "bits"),
            TapeProblem::TreeNavigation { .. } => {
                let most = 2 * ((1 << largest.length) - 1);
                return if self.vectors.len() <= most {
                    Vec::new()
                } else {
                    vec![format!("it was trained on trees of up to {most} edges, and this has {}", self.vectors.len())]
                };
            }
            _ => (self.vectors.len(), "vectors"),
        };
        let mut notes = Vec::new();
        if count > largest.length || !problem.stretches() && count != largest.length {
            let upto = if problem.stretches() { "up to " } else { "" };
            notes.push(format!("it was trained on {upto}{} {what}, and this has {count}", largest.length));
        }
        if self.repeats.is_some_and(|repeats| repeats > largest.repeats) {
            notes.push(format!("it was trained on up to {} repeats", largest.repeats));
        }
        notes
    }
}

fn item(text: &str) -> Result<Vec<Vec<f32>>> {
    let vectors = text.split(',').map(|vector| bits(vector, ITEM_BITS)).collect::<Result<Vec<_>>>()?;
    ensure!(vectors.len() == ITEM_VECTORS, "{text:?} has {} vectors, expected an item of {ITEM_VECTORS}", vectors.len());
    Ok(vectors)
}

/// A node, L or R, and its child.
fn edge(text: &str) -> Result<Edge> {
    let place = text.find(['L', 'R']).with_context(|| format!("{text:?} is no edge: expected a node, L or R, and its child"))?;
    let (parent, rest) = text.split_at(place);
    Ok(Edge { parent: bits(parent, BITS)?, side: side(&rest[..1])?, child: bits(&rest[1..], BITS)? })
}

/// A node and what follows it.
fn root_and_way(text: &str) -> Result<(Vec<f32>, Vec<Side>)> {
    let place = text.find(['L', 'R']).with_context(|| format!("{text:?} has no way: expected L and R behind the root"))?;
    let (root, way) = text.split_at(place);
    let turns: Vec<&str> = way.split("").filter(|turn| !turn.is_empty()).collect();
    Ok((bits(root, BITS)?, turns.into_iter().map(side).collect::<Result<_>>()?))
}

fn side(text: &str) -> Result<Side> {
    match text {
        "L" => Ok(Side::Left),
        "R" => Ok(Side::Right),
        _ => bail!("{text:?} is neither L nor R"),
    }
}

fn bits(text: &str, width: usize) -> Result<Vec<f32>> {
    let bit = |character: char| match character {
        '0' => Some(0.0),
        '1' => Some(1.0),
        _ => None,
    };
    let bits: Option<Vec<f32>> = text.chars().map(bit).collect();
    match bits {
        Some(bits) if bits.len() == width => Ok(bits),
        _ => bail!("{text:?} is no vector here: expected {width} bits, each 0 or 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::random::RandomGenerator;

    fn text(bits: &[f32]) -> String {
        bits.iter().map(|&bit| if bit > 0.5 { '1' } else { '0' }).collect()
    }

    /// What is drawn, given in words, is the same sequence.
    #[test]
    fn given_sequences_are_those_that_are_drawn() {
        let eight = |vectors: &[Vec<f32>]| vectors.iter().map(|vector| text(&vector[..8])).collect::<Vec<_>>().join(" ");
        let check = |problem: TapeProblem, given: &dyn Fn(&Sequence) -> String| {
            let drawn = problem.draw(problem.largest(), &mut RandomGenerator::new(5, 1));
            let line = given(&drawn);
            assert_eq!(Given::of_text(&line).unwrap().sequence(&problem).unwrap(), drawn, "{line}");
        };
        check(TapeProblem::Copy { length: 4 }, &|drawn| eight(&drawn.targets));
        check(TapeProblem::RepeatCopy { length: 3, repeats: 2 }, &|drawn| format!("{} x2", eight(&drawn.targets[..3])));
        check(TapeProblem::DynamicNgrams { length: 20 }, &|drawn| {
            let first: Vec<f32> = drawn.inputs[1..].iter().map(|input| input[0]).collect();
            text(&first) + &text(&drawn.targets.last().unwrap()[..])
        });
        check(TapeProblem::PrioritySort { length: 5, sorted: 3 }, &|drawn| {
            let given = drawn.inputs[..5].iter().map(|input| format!("{}:{}", text(&input[..8]), input[9]));
            given.collect::<Vec<_>>().join(" ")
        });
        check(TapeProblem::Reverse { length: 4 }, &|drawn| {
            let shown: Vec<Vec<f32>> = drawn.targets.iter().rev().cloned().collect();
            eight(&shown)
        });
        check(TapeProblem::TreeNavigation { depth: 2 }, &|drawn| {
            let side = |input: &[f32]| if input[16] < 0.0 { "L" } else { "R" };
            let edges = drawn.inputs[..6].iter().map(|edge| text(&edge[..8]) + side(edge) + &text(&edge[8..16]));
            let way = drawn.inputs[6..].iter().map(|input| side(input));
            format!("{} ? {}{}", edges.collect::<Vec<_>>().join(" "), text(&drawn.inputs[6][..8]), way.collect::<String>())
        });
        check(TapeProblem::AssociativeRecall { items: 3 }, &|drawn| {
            let item =
                |first: usize| drawn.inputs[first..first + 3].iter().map(|input| text(&input[..6])).collect::<Vec<_>>().join(",");
            format!("{} {} {} ? {}", item(1), item(5), item(9), item(13))
        });
    }

    #[test]
    fn what_cannot_be_is_named() {
        let error = |problem: TapeProblem, text: &str| {
            Given::of_text(text).and_then(|given| given.sequence(&problem)).unwrap_err().to_string()
        };
        let copy = TapeProblem::Copy { length: 4 };
        assert!(error(copy.clone(), "1011").contains("\"1011\" is no vector here: expected 8 bits"));
        assert!(error(copy.clone(), "10110012").contains("10110012"));
        assert!(error(copy.clone(), "10110010 x3").contains("only repeat-copy"));
        assert!(error(copy, "x").contains("expected `x` and a number"));
        let recall = TapeProblem::AssociativeRecall { items: 3 };
        let (one, other) = ("101010,111000,000111", "000000,111111,101010");
        assert!(error(recall.clone(), &format!("{one} {other} ? {other}")).contains("is the last item"));
        assert!(error(recall.clone(), &format!("{one} {other} ? 101010,111000,000110")).contains("none of the items"));
        assert!(error(recall.clone(), &format!("{one} {other} ?")).contains("found the end"));
        assert!(error(recall, "101010,111000 ? 101010,111000").contains("expected an item of 3"));
        let tree = TapeProblem::TreeNavigation { depth: 2 };
        assert!(error(tree.clone(), "00000000L11111111").contains("expected a root with a way"));
        assert!(error(tree.clone(), "00000000L11111111 ? 00000000R").contains("leaves the tree"));
        assert!(error(tree.clone(), "00000000L11111111 ? 00000000Lx").contains("\"x\" is neither L nor R"));
        assert!(error(tree.clone(), "0000000011111111 ? 00000000L").contains("is no edge"));
        assert!(error(tree, "00000000L1 ? 00000000L").contains("\"1\" is no vector here"));
        let sort = TapeProblem::PrioritySort { length: 2, sorted: 1 };
        assert!(error(sort.clone(), "10110010").contains("0 priorities of 1 vectors"));
        assert!(error(sort, "10110010:2").contains("expected -1 to 1"));
    }
}
