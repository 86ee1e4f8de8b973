//! The bAbI tasks (Weston et al. 2015): short stories, questions about them, and which sentences answer those.
//!
//! A line is `ID statement`, or `ID question <tab> answer <tab> IDs of the supporting statements`. IDs count from 1 in every
//! story.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::read::lines;
use crate::runtime::files::Shown;

/// One story with its questions. Words are in lower case and without punctuation at their ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BabiStory {
    /// Words of each statement, in the order they were told.
    pub statements: Vec<Vec<String>>,
    pub questions: Vec<Question>,
}

/// A question about what was told before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub words: Vec<String>,
    /// In lower case. An answer of several, such as `milk,football`, is one.
    pub answer: String,
    /// So many statements of the story were told before.
    pub told: usize,
    /// Which statements hold the answer, counted from 0.
    pub supporting: Vec<usize>,
}

/// The files of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFiles {
    /// What the task is called: `single supporting fact`.
    pub name: String,
    pub train: PathBuf,
    pub test: PathBuf,
}

impl TaskFiles {
    /// `qaN_*_train.txt` and `qaN_*_test.txt` in a folder.
    ///
    /// # Errors
    /// When the folder cannot be read, or does not have exactly one of each.
    pub fn find(folder: &Path, task: u32) -> Result<Self> {
        let entries = std::fs::read_dir(folder).with_context(|| {
            format!(
                "{}: cannot read this folder, expected the bAbI tasks: unpack tasks_1-20_v1-2.tar.gz and name its folder `en`",
                folder.shown()
            )
        })?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| format!("{}: cannot read this folder", folder.shown()))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        let find = |part: &str| {
            let (start, end) = (format!("qa{task}_"), format!("_{part}.txt"));
            let called = |name: &'_ String| Some(name.strip_prefix(&start)?.strip_suffix(&end)?.replace('-', " "));
            let found: Vec<(&String, String)> = names.iter().filter_map(|name| Some((name, called(name)?))).collect();
            match &found[..] {
                [(file, name)] => Ok((folder.join(file), name.clone())),
                [] => bail!("{}: no file {start}*{end}; unpack task {task} there, or leave it out", folder.shown()),
                _ => {
                    let files: Vec<&str> = found.iter().map(|(file, _)| file.as_str()).collect();
                    bail!("{}: expected one file {start}*{end}, found {}", folder.shown(), files.join(", "))
                }
            }
        };
        let ((train, name), (test, _)) = (find("train")?, find("test")?);
        Ok(TaskFiles { name, train, test })
    }
}

/// All stories of a file.
///
/// # Errors
/// A file that cannot be read or has no question, and the first line that is malformed, with its number.
pub fn read_babi(path: &Path) -> Result<Vec<BabiStory>> {
    let mut reader = StoryReader::default();
    for (index, line) in lines(Some(path))?.enumerate() {
        reader.line(&line?).with_context(|| format!("{}:{}", path.shown(), index + 1))?;
    }
    ensure!(
        reader.stories.iter().any(|story| !story.questions.is_empty()),
        "{}: has no question, expected a bAbI task with lines such as `3 Where is Mary?<tab>kitchen<tab>1`",
        path.shown()
    );
    Ok(reader.stories)
}

#[derive(Default)]
struct StoryReader {
    stories: Vec<BabiStory>,
    /// For each line of the story at work, by ID, its statement if it is one.
    statements: Vec<Option<usize>>,
}

impl StoryReader {
    fn line(&mut self, line: &str) -> Result<()> {
        let number = |text: &str| text.parse::<usize>().ok();
        let Some((id, text)) = line.split_once(' ').and_then(|(id, text)| Some((number(id)?, text))) else {
            bail!("expected a number, a space and a statement or a question, found {line:?}; mend or remove the line");
        };
        let next = self.statements.len() + 1;
        ensure!(
            id == next || id == 1,
            "expected the number {next}, or 1 for a new story, found {id}; lines are missing or out of order"
        );
        if id == 1 {
            self.stories.push(BabiStory::default());
            self.statements.clear();
        }
        let story = self.stories.last_mut().context("the first line of a file begins a story and has the number 1")?;
        let columns: Vec<&str> = text.split('\t').collect();
        match columns[..] {
            [statement] => {
                ensure!(
                    !statement.trim_end().ends_with('?'),
                    "a question needs its answer and its supporting lines, each after a tab; found neither"
                );
                self.statements.push(Some(story.statements.len()));
                story.statements.push(some_words(statement)?);
            }
            [question, answer, supporting] => {
                ensure!(
                    !story.statements.is_empty(),
                    "a question before any statement of its story; mend the order of the lines"
                );
                let answer = answer.trim().to_lowercase();
                ensure!(!answer.is_empty(), "the question has no answer; write it between the two tabs");
                let statement = |id: &str| {
                    let found = number(id).and_then(|id| *self.statements.get(id.checked_sub(1)?)?);
                    found.with_context(|| format!("expected the numbers of earlier statements as support, found {id:?}"))
                };
                let supporting = supporting.split_whitespace().map(statement).collect::<Result<_>>()?;
                let question = Question { words: some_words(question)?, answer, told: story.statements.len(), supporting };
                story.questions.push(question);
                self.statements.push(None);
            }
            _ => bail!(
                "expected a question, its answer and its supporting lines, divided by two tabs; found {} tabs",
                columns.len() - 1
            ),
        }
        Ok(())
    }
}

/// Words in lower case and without punctuation at their ends.
pub fn words(sentence: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase();
    sentence.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

fn some_words(sentence: &str) -> Result<Vec<String>> {
    let words = words(sentence);
    ensure!(!words.is_empty(), "the sentence has no words; mend or remove the line");
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<BabiStory>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qa1_own_train.txt");
        std::fs::write(&path, text).unwrap();
        read_babi(&path)
    }

    fn sentence(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn questions_see_what_was_told_before_them() {
        let stories = read(
            "1 Ada walked to the harbour.\n2 Ben is in the mill.\n3 Where is Ada? \tHarbour\t1\n4 Ben took the rope, \n\
             5 What has Ben?\trope,net\t4 2\n1 Ada slept.\n2 Who slept?\tAda\t1\n",
        )
        .unwrap();
        assert_eq!(stories.len(), 2);
        let [first, second] = &stories[0].questions[..] else { panic!("two questions: {stories:?}") };
        let statements = ["ada walked to the harbour", "ben is in the mill", "ben took the rope"].map(sentence);
        assert_eq!(stories[0].statements, statements);
        let expected = Question { words: sentence("where is ada"), answer: "harbour".into(), told: 2, supporting: vec![0] };
        assert_eq!(*first, expected);
        // The fourth line is the third statement: questions are none.
        let expected = Question { words: sentence("what has ben"), answer: "rope,net".into(), told: 3, supporting: vec![2, 1] };
        assert_eq!(*second, expected);
        let expected = Question { words: sentence("who slept"), answer: "ada".into(), told: 1, supporting: vec![0] };
        assert_eq!(stories[1], BabiStory { statements: vec![sentence("ada slept")], questions: vec![expected] });
    }

    #[test]
    fn malformed_lines_are_named() {
        let good = "1 Ada slept.\n";
        for (text, line, part) in [
            ("Ada slept.\n", 1, "expected a number, a space and a statement or a question, found \"Ada slept.\""),
            ("1 Ada slept.\n\n", 2, "expected a number, a space and a statement or a question, found \"\""),
            ("2 Ada slept.\n", 1, "expected the number 1, or 1 for a new story, found 2"),
            ("1 Ada slept.\n3 Ben slept.\n", 2, "expected the number 2, or 1 for a new story, found 3"),
            ("1 Ada slept.\n2 Who slept?\n", 2, "a question needs its answer"),
            ("1 Ada slept.\n2 Who slept?\tAda\n", 2, "divided by two tabs; found 1 tabs"),
            ("1 Ada slept.\n2 Who slept?\tAda\t1\t1\n", 2, "divided by two tabs; found 3 tabs"),
            ("1 Ada slept.\n2 Who slept?\t \t1\n", 2, "the question has no answer"),
            ("1 Ada slept.\n2 Who slept?\tAda\t2\n", 2, "expected the numbers of earlier statements as support, found \"2\""),
            ("1 Ada slept.\n2 Who slept?\tAda\t1\n3 Who?\tAda\t2\n", 3, "found \"2\""),
            ("1 Ada slept.\n2 Who slept?\tAda\tone\n", 2, "found \"one\""),
            ("1 Ada slept.\n2 Who slept?\tAda\t0\n", 2, "found \"0\""),
            ("1 Who slept?\tAda\t\n", 1, "a question before any statement"),
            ("1 Ada slept.\n2 ...\n", 2, "the sentence has no words"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(&format!("qa1_own_train.txt:{line}: ")) && error.contains(part), "{text:?}: {error}");
        }
        for text in ["", good] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("qa1_own_train.txt: has no question"), "{error}");
        }
    }

    #[test]
    fn missing_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", TaskFiles::find(&folder.path().join("babi"), 3).unwrap_err());
        assert!(error.contains("babi: cannot read this folder, expected the bAbI tasks"), "{error}");
        let touch = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        let find = || TaskFiles::find(folder.path(), 1);
        touch("qa11_own_train.txt");
        touch("qa1_own_train.txt");
        let error = find().unwrap_err().to_string();
        assert!(error.contains("no file qa1_*_test.txt; unpack task 1 there, or leave it out"), "{error}");
        touch("qa1_own_test.txt");
        let [train, test] = ["qa1_own_train.txt", "qa1_own_test.txt"].map(|name| folder.path().join(name));
        assert_eq!(find().unwrap(), TaskFiles { name: "own".into(), train, test });
        touch("qa1_twin_test.txt");
        let error = find().unwrap_err().to_string();
        assert!(error.contains("expected one file qa1_*_test.txt, found qa1_own_test.txt, qa1_twin_test.txt"), "{error}");
    }

    /// Sizes as Weston et al. 2015 give them: 1,000 questions a task. Version 1.2 has 174 words, counted by another program; version 1.1, of
    /// Sukhbaatar et al. 2015, had 177.
    #[test]
    fn takes_the_real_tasks() {
        let folder = Path::new("../shared/data/babi");
        if !folder.is_dir() {
            crate::runtime::message!("skipped: no {}", folder.shown());
            return;
        }
        let mut vocabulary = std::collections::BTreeSet::new();
        for task in 1..=20 {
            let files = TaskFiles::find(folder, task).unwrap();
            for path in [&files.train, &files.test] {
                let stories = read_babi(path).unwrap();
                assert_eq!(stories.iter().map(|story| story.questions.len()).sum::<usize>(), 1000, "{}", path.shown());
                for story in &stories {
                    vocabulary.extend(story.statements.iter().flatten().cloned());
                    for question in &story.questions {
                        vocabulary.extend(question.words.iter().cloned().chain([question.answer.clone()]));
                        assert!(question.supporting.iter().all(|&statement| statement < question.told));
                    }
                }
            }
        }
        assert_eq!(vocabulary.len(), 174);
    }
}
