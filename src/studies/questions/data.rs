//! Stories and questions of the tasks as ids.

use anyhow::{Result, ensure};
use tch::{Device, Tensor};

use crate::corpus::babi::{self, TaskFiles, read_babi};
use crate::memory::memn2n::Story;
use crate::recipe::QuestionsRecipe;
use crate::runtime::files::Shown;
use crate::studies::random::RandomGenerator;
use crate::studies::vocabulary::Vocabulary;
use crate::text::special::PAD;

/// One question and where its story is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Number of the task.
    pub task: u32,
    /// The row of its first kept sentence in the table of all sentences.
    first: usize,
    /// How many sentences are kept: the last ones before the question.
    pub kept: usize,
    /// How many sentences the story has in all.
    pub length: usize,
    /// Which of the kept sentences hold the answer.
    pub supporting: Vec<usize>,
}

/// Questions of a kind: to train with, to validate on, or to be tested with.
pub struct Questions {
    pub asked: Vec<Asked>,
    /// Word ids [Q, L'], padding behind.
    words: Tensor,
    /// Ids of the answers [Q].
    answers: Tensor,
}

/// Questions of one batch.
pub struct Batch {
    pub story: Story,
    /// [B, L']
    pub questions: Tensor,
    /// [B]
    pub answers: Tensor,
}

/// All questions of the tasks.
pub struct Data {
    pub vocabulary: Vocabulary,
    /// Names of the tasks, by number.
    pub names: Vec<(u32, String)>,
    pub train: Questions,
    pub held_out: Questions,
    pub test: Questions,
    /// Word ids of every sentence [sentences + 1, L]; the first row has none, for slots without a sentence.
    sentences: Tensor,
    batch: usize,
}

impl Data {
    /// Reads the files of the recipe's tasks. The vocabulary is that of the training files; the last questions of each of them
    /// are held out.
    pub fn read(recipe: &QuestionsRecipe, device: Device) -> Result<Self> {
        let mut tasks = Vec::new();
        for &task in &recipe.tasks {
            let files = TaskFiles::find(&recipe.folder, task)?;
            tasks.push((task, files.name.clone(), read_babi(&files.train)?, read_babi(&files.test)?));
        }
        let words = tasks.iter().flat_map(|(_, _, train, _)| train).flat_map(|story| {
            let questions = story.questions.iter().flat_map(|question| question.words.iter().chain([&question.answer]));
            story.statements.iter().flatten().chain(questions)
        });
        let vocabulary = Vocabulary::new(words.map(String::as_str));
        let mut reading = StoryIndexer { vocabulary: &vocabulary, memory: recipe.memory, sentences: vec![Vec::new()] };
        let [mut train, mut held_out, mut test] = [Vec::new(), Vec::new(), Vec::new()];
        for (task, _, training, tested) in &tasks {
            let mut questions = reading.questions(*task, training);
            let last = (questions.len() as f64 * recipe.held_out).ceil() as usize;
            held_out.extend(questions.split_off(questions.len() - last));
            train.extend(questions);
            test.extend(reading.questions(*task, tested));
        }
        ensure!(
            !train.is_empty(),
            "{}: nothing is left to train on; lower task.questions.held_out, which is {}",
            recipe.folder.shown(),
            recipe.held_out
        );
        let sentences = padded(&reading.sentences, device);
        let [train, held_out, test] = [train, held_out, test].map(|questions| Questions::new(questions, device));
        let names = tasks.into_iter().map(|(task, name, ..)| (task, name)).collect();
        Ok(Data { vocabulary, names, train, held_out, test, sentences, batch: recipe.batch })
    }

    /// The batches of an epoch of training, a pure function of (seed, epoch).
    pub fn epoch(&self, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.train.asked.len()).collect();
        RandomGenerator::new(seed, epoch).shuffle(&mut order);
        order.chunks(self.batch).map(<[usize]>::to_vec).collect()
    }

    /// Some of the questions as tensors.
    pub fn batch(&self, questions: &Questions, chosen: &[usize]) -> Batch {
        let slots = chosen.iter().map(|&number| questions.asked[number].kept).max().unwrap_or(0);
        let mut rows = vec![0i64; chosen.len() * slots];
        for (row, &number) in rows.chunks_mut(slots.max(1)).zip(chosen) {
            let asked = &questions.asked[number];
            row.iter_mut().zip(asked.first..asked.first + asked.kept).for_each(|(slot, sentence)| *slot = sentence as i64);
        }
        let device = self.sentences.device();
        let rows = Tensor::from_slice(&rows).to_device(device); // [B·Z]
        let [batch, slots] = [chosen.len() as i64, slots as i64];
        let chosen: Vec<i64> = chosen.iter().map(|&number| number as i64).collect();
        let chosen = Tensor::from_slice(&chosen).to_device(device); // [B]
        Batch {
            story: Story {
                sentences: self.sentences.index_select(0, &rows).view([batch, slots, -1]), // [B, Z, L]
                keep: rows.gt(0).view([batch, slots]),                                     // [B, Z]
            },
            questions: questions.words.index_select(0, &chosen), // [B, L']
            answers: questions.answers.index_select(0, &chosen), // [B]
        }
    }

    /// The kept sentences of a question's story in words.
    pub fn story(&self, asked: &Asked) -> Vec<String> {
        let rows = self.sentences.narrow(0, asked.first as i64, asked.kept as i64);
        (0..asked.kept as i64).map(|row| self.text(&rows.get(row))).collect()
    }

    /// Questions with their stories and answers, a line of words each.
    pub fn lines(&self, questions: &Questions) -> Vec<String> {
        let line = |(number, asked)| {
            let (question, answer) = self.asked(questions, number);
            format!("{}\t{question}\t{answer}", self.story(asked).join(" "))
        };
        questions.asked.iter().enumerate().map(line).collect()
    }

    /// A question in words, and its answer.
    pub fn asked(&self, questions: &Questions, number: usize) -> (String, &str) {
        let number = number as i64;
        (self.text(&questions.words.get(number)), self.vocabulary.word(questions.answers.int64_value(&[number])))
    }

    fn text(&self, ids: &Tensor) -> String {
        let ids: Vec<i64> = Vec::try_from(ids).expect("ids are numbers");
        let words: Vec<&str> = ids.into_iter().filter(|&id| id != i64::from(PAD)).map(|id| self.vocabulary.word(id)).collect();
        words.join(" ")
    }
}

impl Questions {
    fn new(questions: Vec<(Asked, Vec<i64>, i64)>, device: Device) -> Self {
        let (mut asked, mut words, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        for (question, ids, answer) in questions {
            asked.push(question);
            words.push(ids);
            answers.push(answer);
        }
        Questions { asked, words: padded(&words, device), answers: Tensor::from_slice(&answers).to_device(device) }
    }

    /// How many questions have a longer story than the memory holds, and how long the longest is.
    pub fn cut(&self) -> (usize, usize) {
        let cut = self.asked.iter().filter(|asked| asked.kept < asked.length).count();
        (cut, self.asked.iter().map(|asked| asked.length).max().unwrap_or(0))
    }
}

struct StoryIndexer<'a> {
    vocabulary: &'a Vocabulary,
    memory: usize,
    sentences: Vec<Vec<i64>>,
}

impl StoryIndexer<'_> {
    /// Questions of a file with the ids of their words and their answer; their sentences go into the table of all.
    fn questions(&mut self, task: u32, stories: &[babi::BabiStory]) -> Vec<(Asked, Vec<i64>, i64)> {
        let ids = |words: &[String]| words.iter().map(|word| self.vocabulary.id(word)).collect::<Vec<i64>>();
        let mut found = Vec::new();
        for story in stories {
            let start = self.sentences.len();
            self.sentences.extend(story.statements.iter().map(|words| ids(words)));
            for question in &story.questions {
                let kept = question.told.min(self.memory);
                let lost = question.told - kept;
                let supporting = question.supporting.iter().filter_map(|statement| statement.checked_sub(lost)).collect();
                let asked = Asked { task, first: start + lost, kept, length: question.told, supporting };
                found.push((asked, ids(&question.words), self.vocabulary.id(&question.answer)));
            }
        }
        found
    }
}

/// Rows of ids [N, L], padding behind.
fn padded(rows: &[Vec<i64>], device: Device) -> Tensor {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut ids = vec![i64::from(PAD); rows.len() * width];
    for (filled, row) in ids.chunks_mut(width.max(1)).zip(rows) {
        filled[..row.len()].copy_from_slice(row);
    }
    Tensor::from_slice(&ids).view([rows.len() as i64, width as i64]).to_device(device)
}
