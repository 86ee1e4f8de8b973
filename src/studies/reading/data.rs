//! Passages with questions and where their answers stand: generated, or the bAbI tasks.

use std::path::Path;

use anyhow::{Result, ensure};

use super::passages::Passage;
use crate::corpus::babi::{BabiStory, TaskFiles, read_babi};
use crate::recipe::ReadingRecipe;
use crate::runtime::files::Shown;
use crate::studies::random::{RandomGenerator, TEST, VALIDATION};
use crate::studies::vocabulary::Vocabulary;

/// What ends each sentence of a passage, as a word.
pub const END: &str = ".";

/// So many batches' questions are sorted by length together, so that a batch has little padding.
const SORTED_TOGETHER: usize = 20;

/// A passage with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Words of all sentences as they are written, each sentence ended by [`END`].
    pub passage: Vec<String>,
    pub question: Vec<String>,
    /// The first and the last word of the answer.
    pub span: (usize, usize),
    /// The first and the last word of the sentence that holds it.
    pub sentence: (usize, usize),
    /// What it is counted with: a question word, or a task.
    pub kind: String,
}

/// All questions there are.
pub struct Data {
    pub vocabulary: Vocabulary,
    pub train: Vec<Example>,
    pub held_out: Vec<Example>,
    pub test: Vec<Example>,
    /// How many questions were left out, as their answers do not stand in what is kept of their stories.
    pub left_out: usize,
}

/// Words without punctuation at their ends, as they are written.
pub fn written(sentence: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|c: char| c.is_ascii_punctuation()).to_owned();
    sentence.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

/// The words of sentences one after another, and where each sentence begins.
pub fn joined(sentences: &[Vec<String>]) -> (Vec<String>, Vec<usize>) {
    let (mut words, mut begins) = (Vec::new(), Vec::new());
    for sentence in sentences {
        begins.push(words.len());
        words.extend(sentence.iter().cloned());
        words.push(END.to_owned());
    }
    (words, begins)
}

impl Example {
    /// An example whose answer stands in sentence number `supporting`; nothing where it does not.
    fn new(sentences: &[Vec<String>], supporting: usize, question: Vec<String>, answer: &[String], kind: &str) -> Option<Self> {
        let sentence = sentences.get(supporting)?;
        let place = sentence.windows(answer.len().max(1)).position(|words| words == answer)?;
        let (passage, begins) = joined(sentences);
        let begin = begins[supporting];
        Some(Example {
            passage,
            question,
            span: (begin + place, begin + place + answer.len() - 1),
            sentence: (begin, begin + sentence.len()),
            kind: kind.to_owned(),
        })
    }

    /// Of a generated passage.
    pub fn generated(passage: &Passage) -> Self {
        // A capital letter begins a sentence, whatever word it is.
        let lower = |text: &str| written(text).iter().map(|word| word.to_lowercase()).collect::<Vec<_>>();
        let sentences: Vec<Vec<String>> = passage.sentences.iter().map(|sentence| lower(sentence)).collect();
        let (question, answer) = (lower(&passage.question), lower(&passage.answer));
        Self::new(&sentences, passage.supporting, question, &answer, passage.kind)
            .expect("the sentence that answers holds the answer")
    }

    /// Words from one place to another, both included.
    pub fn text(&self, (start, end): (usize, usize)) -> String {
        self.passage[start..=end].join(" ")
    }

    /// The right answer.
    pub fn answer(&self) -> String {
        self.text(self.span)
    }

    /// The same without the sentence that holds the answer; nothing where there is no other. Its span means nothing.
    pub fn without_answer(&self) -> Option<Self> {
        let (first, last) = self.sentence;
        let passage = [&self.passage[..first], &self.passage[last + 1..]].concat();
        (!passage.is_empty()).then(|| Example { passage, span: (0, 0), sentence: (0, 0), ..self.clone() })
    }
}

impl Data {
    /// # Errors
    /// Files of the bAbI tasks that cannot be read or hold nothing to learn.
    pub fn new(recipe: &ReadingRecipe, seed: u64) -> Result<Self> {
        match &recipe.folder {
            Some(folder) => Self::read(recipe, folder),
            None => {
                let [train, held_out, test] =
                    [(recipe.passages, seed), (recipe.tested, seed ^ VALIDATION), (recipe.tested, seed ^ TEST)]
                        .map(|(count, seed)| generated(recipe, count, seed));
                Ok(Data { vocabulary: vocabulary(&train), train, held_out, test, left_out: 0 })
            }
        }
    }

    /// The bAbI tasks of the recipe. The last questions of each training file are held out.
    fn read(recipe: &ReadingRecipe, folder: &Path) -> Result<Self> {
        let [mut train, mut held_out, mut test] = [Vec::new(), Vec::new(), Vec::new()];
        let mut left_out = 0;
        for &task in &recipe.tasks {
            let files = TaskFiles::find(folder, task)?;
            let kind = format!("task {task}, {}", files.name);
            let mut of = |stories: &[BabiStory]| {
                let mut found = Vec::new();
                for example in questions(stories, recipe.sentences, &kind) {
                    match example {
                        Some(example) => found.push(example),
                        None => left_out += 1,
                    }
                }
                found
            };
            let (mut training, tested) = (of(&read_babi(&files.train)?), of(&read_babi(&files.test)?));
            let last = (training.len() as f64 * recipe.held_out).ceil() as usize;
            held_out.extend(training.split_off(training.len() - last));
            train.extend(training);
            test.extend(tested);
        }
        for (questions, what) in [(&train, "train on"), (&held_out, "validate on"), (&test, "be tested with")] {
            ensure!(
                !questions.is_empty(),
                "{}: no question of task.reading.tasks = {:?} is left to {what} whose answer stands in the last {} sentences of its story: \
                 name other tasks, or raise task.reading.sentences",
                folder.shown(),
                recipe.tasks,
                recipe.sentences
            );
        }
        Ok(Data { vocabulary: vocabulary(&train), train, held_out, test, left_out })
    }

    /// The batches of an epoch of training, of questions about passages of like lengths: a pure function of (seed, epoch).
    pub fn epoch(&self, batch: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        let mut random = RandomGenerator::new(seed, epoch);
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        random.shuffle(&mut order);
        for together in order.chunks_mut(batch.saturating_mul(SORTED_TOGETHER)) {
            together.sort_by_key(|&number| self.train[number].passage.len());
        }
        let mut batches: Vec<Vec<usize>> = order.chunks(batch).map(<[usize]>::to_vec).collect();
        random.shuffle(&mut batches);
        batches
    }
}

fn generated(recipe: &ReadingRecipe, count: usize, seed: u64) -> Vec<Example> {
    let mut random = RandomGenerator::new(seed, 0);
    let mut draw = || {
        let sentences = random.between(recipe.fewest, recipe.most);
        Example::generated(&Passage::draw(sentences, &mut random))
    };
    (0..count).map(|_| draw()).collect()
}

fn vocabulary(examples: &[Example]) -> Vocabulary {
    Vocabulary::new(examples.iter().flat_map(|example| example.passage.iter().chain(&example.question)).map(String::as_str))
}

/// The questions of stories, each with the last `kept` sentences told before it. The answer is where the supporting sentence told last says
/// it; a question of which no kept supporting sentence does is none.
fn questions<'a>(stories: &'a [BabiStory], kept: usize, kind: &'a str) -> impl Iterator<Item = Option<Example>> + 'a {
    stories.iter().flat_map(move |story| {
        story.questions.iter().map(move |question| {
            let lost = question.told.saturating_sub(kept);
            let sentences = &story.statements[lost..question.told];
            let answer = [question.answer.clone()];
            let mut supporting: Vec<usize> =
                question.supporting.iter().filter_map(|statement| statement.checked_sub(lost)).collect();
            supporting.sort_unstable();
            supporting.iter().rev().find_map(|&number| Example::new(sentences, number, question.words.clone(), &answer, kind))
        })
    })
}
