//! What a run says of itself: progress for people, `log.jsonl` and TensorBoard's events for programs. Only numbers are kept.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::history::Validated;
use super::run_folder::RunFolder;
use super::state::TrainingState;
use super::task::LossSums;
use crate::recipe::Metric;
use crate::report::{Display, EventWriter, Figures, Goal, JsonLines, TrainingProgress};
use crate::runtime::files::Shown;
use crate::runtime::message;

/// Where a run is told of: progress for people, `log.jsonl` and TensorBoard's events for programs.
pub struct TrainingLogger {
    progress: TrainingProgress,
    log: JsonLines,
    events: EventWriter,
    window: Window,
}

/// What was summed since the last log entry.
#[derive(Default)]
struct Window {
    sums: LossSums,
    clipped: u64,
    updates: u64,
}

impl TrainingLogger {
    /// Goes on where `state` stands when `resumed`, else starts anew.
    pub fn open(folder: &RunFolder, state: &TrainingState, resumed: bool, goal: Goal, display: Display) -> Result<Self> {
        let path = folder.path().join("log.jsonl");
        Ok(TrainingLogger {
            log: if resumed { JsonLines::resume(&path, state.update)? } else { JsonLines::create(&path)? },
            events: EventWriter::create(folder.path(), resumed.then_some(state.update))?,
            progress: TrainingProgress::new(goal, state.update, Duration::from_secs_f64(state.elapsed_seconds), display),
            window: Window::default(),
        })
    }

    /// Puts the log and the events back where they should be, when somebody removed them.
    pub fn put_back(&mut self) -> Result<()> {
        self.log.put_back()?;
        self.events.put_back()
    }

    /// A line for people.
    pub fn message(&self, text: &str) {
        self.progress.message(text);
    }

    /// An entry for programs alone.
    pub fn note(&mut self, kind: &str, update: u64, fields: Value) -> Result<()> {
        self.log.append(kind, update, fields)
    }

    /// Entries for programs on what a run begins with: figures of its data, and checkpoints that were scored again.
    pub fn opened(&mut self, state: &TrainingState, figures: &Value, scored_again: &[Validated]) -> Result<()> {
        if !figures.is_null() {
            self.note("data", state.update, figures.clone())?;
        }
        for validated in scored_again {
            let mut fields = Map::from_iter(validated.scores.iter().map(|(name, score)| (name.clone(), json!(score))));
            fields.insert("checkpoint".into(), json!(validated.update));
            self.note("scored_again", state.update, fields.into())?;
        }
        Ok(())
    }

    /// Runs what is not training off the clock of the rates.
    pub fn pause<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.progress.pause(work)
    }

    /// Counts an update.
    pub fn advance(&mut self, sums: LossSums, clipped: bool) {
        self.progress.advance(sums.counts.source_tokens, sums.counts.target_tokens);
        self.window.sums += sums;
        self.window.clipped += u64::from(clipped);
        self.window.updates += 1;
    }

    /// Tells how training went since the last time.
    pub fn report(&mut self, state: &TrainingState, learning_rate: f64, gradient_norm: f64) -> Result<()> {
        let Window { sums: LossSums { nll, auxiliary, counts, .. }, clipped, updates } = std::mem::take(&mut self.window);
        let terms = counts.terms as f64;
        let loss = nll / terms;
        let rates = self.progress.report(Figures { loss, learning_rate });
        let clipped = clipped as f64 / updates as f64;
        let mut entry = json!({
            "epoch": state.epoch,
            "batch": state.batch,
            "loss": loss,
            "perplexity": loss.exp(),
            "learning_rate": learning_rate,
            "gradient_norm": gradient_norm,
            "clipped": clipped,
            "source_tokens_per_second": rates.source_tokens_per_second,
            "target_tokens_per_second": rates.target_tokens_per_second,
            "elapsed_seconds": state.elapsed_seconds,
        });
        if auxiliary != 0.0 {
            entry["auxiliary_loss"] = json!(auxiliary / terms);
        }
        self.log.append("training", state.update, &entry)?;
        for name in ["loss", "auxiliary_loss", "learning_rate", "gradient_norm", "target_tokens_per_second"] {
            if let Some(value) = entry[name].as_f64() {
                self.events.scalar(&format!("training/{name}"), state.update, value)?;
            }
        }
        Ok(())
    }

    /// Tells the scores of a validation.
    pub fn validated(&mut self, validated: &Validated, metric: Metric, best: bool) -> Result<()> {
        let shown = |score: Option<f64>| score.map_or("not finite".to_string(), |score| format!("{score:.3}"));
        let mut scores: Vec<String> = validated.scores.iter().map(|(name, score)| format!("{name} {}", shown(*score))).collect();
        let counted = validated.counts.iter().filter(|(_, count)| *count > 0);
        scores.extend(counted.map(|(name, count)| format!("{name} {count}")));
        let verdict = if best { format!(" (best {} so far)", metric.name()) } else { String::new() };
        self.message(&format!("validation after update {}: {}{verdict}", validated.update, scores.join(", ")));
        let mut fields = Map::new();
        for (name, score) in &validated.scores {
            fields.insert(name.clone(), json!(score));
            if let Some(score) = score {
                self.events.scalar(&format!("validation/{name}"), validated.update, *score)?;
            }
        }
        for (name, count) in &validated.counts {
            fields.insert(name.clone(), json!(count));
            self.events.scalar(&format!("validation/{name}"), validated.update, *count as f64)?;
        }
        fields.insert("elapsed_seconds".into(), json!(validated.elapsed_seconds));
        self.log.append("validation", validated.update, &fields)
    }

    /// Puts the PNG files of a folder into TensorBoard's events.
    pub fn pictures(&mut self, update: u64, folder: &Path) -> Result<()> {
        let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
        let mut paths = read().with_context(|| format!("{}: cannot list the pictures", folder.shown()))?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
        paths.sort();
        for path in paths {
            let png = fs::read(&path).with_context(|| format!("{}: cannot read the picture", path.shown()))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            self.events.image(&format!("attention/{name}"), update, &png)?;
        }
        Ok(())
    }

    /// Takes the progress line away and says a last thing.
    pub fn finish(self, text: &str) {
        self.progress.finish();
        message!("{text}");
    }
}
