//! What each hop attends to over a story (figure 2 of Sukhbaatar et al. 2015).

use std::path::Path;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use super::data::Questions;
use super::task::QuestionsTask;
use crate::alignment::{AttentionMatrix, Heatmap, Links};
use crate::memory::memn2n::MemoryWeighting;

/// The tasks of the paper's figure: one and two supporting facts, induction, sizes.
const SHOWN: [u32; 4] = [1, 2, 16, 18];

/// Terminal columns of a sentence that is written whole.
const LONGEST_SENTENCE: usize = 80;

/// Draws a question of each of some tasks into `directory`, as `task-N.svg` and `.png`: sentences as rows, hops as columns, those
/// that hold the answer in frames. There is nothing to see while hops read without softmax.
pub fn draw(task: &QuestionsTask, questions: &Questions, directory: &Path) -> Result<()> {
    if task.start.memory_weighting() == MemoryWeighting::Linear {
        return Ok(());
    }
    let tasks: Vec<u32> = task.data.names.iter().map(|(number, _)| *number).collect();
    let mut shown: Vec<u32> = SHOWN.into_iter().filter(|number| tasks.contains(number)).collect();
    if shown.is_empty() {
        shown.extend(tasks.first());
    }
    for number in shown {
        // The last question of a story has the longest one.
        let of_task = questions.asked.iter().enumerate().filter(|(_, asked)| asked.task == number);
        let Some((place, asked)) = of_task.take(5).max_by_key(|(_, asked)| asked.kept) else { continue };
        let batch = task.data.batch(questions, &[place]);
        let read = no_grad(|| task.model.read(&batch.story, &batch.questions, MemoryWeighting::Softmax));
        let answer = no_grad(|| task.model.answer(&read.state)).argmax(1, false).int64_value(&[0]);
        let (question, right) = task.data.asked(questions, place);
        let answer = task.data.vocabulary.word(answer);
        let verdict = if answer == right { "right".to_owned() } else { format!("right is {right}") };
        let title = format!("{question}? {answer} ({verdict})");
        let framed: Links = asked.supporting.iter().flat_map(|&row| (0..read.weights.len()).map(move |hop| (hop, row))).collect();
        let heatmap = hops(&title, &task.data.story(asked), &read.weights)?.with_gold(framed)?;
        heatmap.drawing().save(&directory.join(format!("task-{number}")))?;
    }
    Ok(())
}

/// Sentences as rows, hops as columns: the weights [1, Z] of the sentences in each hop.
pub fn hops(title: &str, sentences: &[String], weights: &[Tensor]) -> Result<Heatmap> {
    let numbers = Tensor::cat(weights, 0).tr().contiguous().view(-1).to_kind(Kind::Float); // [Z · hops]
    let columns: Vec<String> = (1..=weights.len()).map(|hop| format!("hop {hop}")).collect();
    let matrix = AttentionMatrix::new(sentences.len(), weights.len(), Vec::try_from(numbers)?)?;
    Ok(Heatmap::new(title, sentences, &columns, matrix)?.with_labels_of(LONGEST_SENTENCE))
}
