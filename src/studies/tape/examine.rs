//! Tests at sizes that were trained on, and beyond them.

use super::problem::{Sequence, Size, optimal_bits};
use super::task::TapeTask;
use super::tensors::Sequences;
use crate::recipe::{SequenceModelRecipe, TapeProblem};
use crate::studies::{Aim, Finding};

/// The problem in words.
pub fn title(problem: &TapeProblem) -> &'static str {
    match problem {
        TapeProblem::Copy { .. } => "to copy",
        TapeProblem::Reverse { .. } => "to reverse",
        TapeProblem::RepeatCopy { .. } => "to copy repeatedly",
        TapeProblem::AssociativeRecall { .. } => "to recall by association",
        TapeProblem::DynamicNgrams { .. } => "n-grams that change",
        TapeProblem::PrioritySort { .. } => "to sort by priority",
        TapeProblem::TreeNavigation { .. } => "to find the way in a tree",
    }
}

/// What a model did on sequences of one size.
struct LengthScores {
    /// Cost of a sequence in bits.
    bits: f64,
    /// Wrong bits of a sequence.
    wrong: f64,
    /// Bits of an answer.
    answer: i64,
    sequences: Vec<Sequence>,
}

fn test(task: &TapeTask, length: usize, repeats: usize) -> LengthScores {
    let (size, count) = (Size { length, repeats }, task.recipe.tested);
    let mut random = task.test_random(size);
    let sequences: Vec<Sequence> = (0..count).map(|_| task.recipe.problem.draw(size, &mut random)).collect();
    let tensors = Sequences::new(&sequences, task.device);
    let (answers, _) = task.model.answer(&tensors.inputs);
    let each = |sum: f64| sum / count as f64;
    LengthScores {
        bits: each(tensors.cost(&answers).double_value(&[])) / std::f64::consts::LN_2,
        wrong: each(tensors.wrong(&answers)),
        answer: tensors.targets.size()[1] * tensors.targets.size()[2],
        sequences,
    }
}

/// The number of slots, where the memory has fewer than `length`.
fn too_short(task: &TapeTask, length: usize) -> Option<i64> {
    task.recipe.model.slots().filter(|&slots| (slots as usize) < length)
}

/// Everything there is to say of a problem: what its paper asks, and the share of wrong bits within and beyond the lengths trained on, which stands
/// for every memory and every problem alike.
pub fn examine(task: &TapeTask) -> Vec<Finding> {
    let problem = &task.recipe.problem;
    let share = |place: &str, size: Size| {
        let tested = test(task, size.length, size.repeats);
        let of = match problem {
            TapeProblem::TreeNavigation { .. } => format!("depth {}", size.length),
            TapeProblem::AssociativeRecall { .. } => format!("{} items", size.length),
            _ => format!("length {}", size.length),
        };
        Finding::new(format!("% of bits wrong, {place}, {of}"), 100.0 * tested.wrong / tested.answer as f64)
    };
    let mut findings = of_paper(task);
    findings.push(share("within", problem.largest()));
    // An n-gram sequence has no length beyond which anything changes.
    if !matches!(problem, TapeProblem::DynamicNgrams { .. }) {
        findings.push(share("beyond", problem.beyond()));
    }
    findings
}

/// What the paper asks of a problem. What an NTM is to reach is not asked of an LSTM, which stands beside it.
fn of_paper(task: &TapeTask) -> Vec<Finding> {
    let is_ntm = matches!(task.recipe.model, SequenceModelRecipe::Ntm(_));
    let aimed = |finding: Finding, aim: Aim| if is_ntm { finding.aim(aim) } else { finding };
    let wrong = |tested: &LengthScores, at: String| {
        Finding::new(format!("wrong bits a sequence of {}, {at}", tested.answer), tested.wrong)
    };
    let cost = |tested: &LengthScores, at: String| Finding::new(format!("bits a sequence, {at}"), tested.bits);
    match task.recipe.problem {
        TapeProblem::Copy { .. } => [10, 20, 30, 50, 120]
            .map(|length| {
                let room = too_short(task, length).map(|slots| format!(", longer than the memory of {slots} slots"));
                let finding = wrong(&test(task, length, 1), format!("length {length}{}", room.unwrap_or_default()));
                match length {
                    20 => aimed(finding, Aim::AtMost(0.1)).paper("NTM: near 0"),
                    120 => aimed(finding, Aim::AtMost(10.0))
                        .paper("NTM: a few local errors and one duplicate, after which all is shifted"),
                    _ => finding,
                }
            })
            .to_vec(),
        TapeProblem::Reverse { .. } | TapeProblem::TreeNavigation { .. } => Vec::new(),
        TapeProblem::RepeatCopy { length, repeats } => {
            let (length, repeats) = (length as usize, repeats as usize);
            [(length, repeats), (2 * length, repeats), (length, 2 * repeats)]
                .map(|(length, repeats)| {
                    let finding = wrong(&test(task, length, repeats), format!("length {length}, {repeats} times"));
                    finding.paper("NTM: right at twice the length; loses the end at twice the repeats")
                })
                .to_vec()
        }
        TapeProblem::AssociativeRecall { items } => [items as usize, 8, 10, 12, 15, 20]
            .map(|items| {
                let finding = cost(&test(task, items, 1), format!("{items} items"));
                match items {
                    12 => aimed(finding, Aim::AtMost(1.0)).paper("NTM, feed-forward: near perfect up to 12 items"),
                    15 => finding.paper("NTM, feed-forward: under 1"),
                    _ => finding,
                }
            })
            .to_vec(),
        TapeProblem::DynamicNgrams { length } => {
            let tested = test(task, length as usize, 1);
            let best = tested.sequences.iter().map(optimal_bits).sum::<f64>() / tested.sequences.len() as f64;
            let paper = "NTM nearer to the best than LSTM";
            vec![
                Finding::new("bits a sequence, the best estimator", best),
                cost(&tested, format!("length {length}")).paper("130 to 160, as plotted"),
                aimed(Finding::new("bits more than the best estimator", tested.bits - best), Aim::AtMost(3.0)).paper(paper),
            ]
        }
        TapeProblem::PrioritySort { length, .. } => {
            let tested = test(task, length as usize, 1);
            vec![
                cost(&tested, format!("{length} vectors")).paper("NTM far below LSTM"),
                wrong(&tested, format!("{length} vectors")),
            ]
        }
    }
}
