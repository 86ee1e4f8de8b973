//! The task as the trainer sees it.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;
use tch::Device;

use super::data::TrainingData;
use super::evaluation::HeldOut;
use super::guided::{GuidedAlignment, ensure_teachable};
use super::loss::{copying_loss, loss_of};
use super::pictures;
use super::reinforcement::Reinforcement;
use super::repeated::Repeated;
use super::unknown::UnknownData;
use crate::batch::{Source, Target};
use crate::checkpoint::{AttentionHead, Config, Tokenizers, locate};
use crate::model::{Vocabularies, WithAttention, parameter_shapes};
use crate::nn::ForwardContext;
use crate::recipe::{LengthLimit, Recipe};
use crate::runtime::files::Shown;
use crate::runtime::{Interrupt, message};
use crate::train::{BatchCounts, Loss, LossSums, Parameter, Task, Validation, ValidationFingerprint, ensure_trainable};
use crate::translator::{TranslateOptions, Translator};

/// A translation model with its data.
pub struct TranslationTask {
    pub translator: Translator,
    recipe: Recipe,
    data: TrainingData,
    guided: Option<GuidedAlignment>,
    reinforcement: Option<Reinforcement>,
    repeated: Option<Repeated>,
    validation: HeldOut,
    unknown: UnknownData,
}

impl TranslationTask {
    /// Checks and reads the data, makes tokenizers and index (a resumed run keeps its tokenizers), and makes the model; or takes
    /// tokenizers and weights from the checkpoint that the recipe starts from.
    pub fn prepare(recipe: &Recipe, run_folder: &Path, resume: bool, device: Device) -> Result<Self> {
        ensure_smallest_trainable(recipe, device)?;
        let validation = HeldOut::read(&recipe.data, &recipe.data.validation, recipe.training.validation_sentences)?;
        let (data, tokenizers) = TrainingData::prepare(recipe, run_folder, resume)?;
        let unknown = UnknownData::new(data.unknown(recipe, &tokenizers)?, &validation, &tokenizers);
        unknown.messages(recipe).iter().for_each(|message| message!("{message}"));
        let guided = data.guided_alignment(recipe, &tokenizers)?;
        let repeated = data.repeated(recipe, &tokenizers)?;
        let mut config = Config::new(recipe, &tokenizers);
        config.length_limit = Some(data.length_limit());
        // What the model learned to translate before it may still be asked to.
        let init = recipe.init.as_ref().filter(|_| !resume).map(|init| locate(init)).transpose()?;
        if let Some(folder) = &init {
            config.widen_length_limit(&Config::load(folder)?);
        }
        let parameters = parameter_shapes(&config.model, config.vocabularies(&tokenizers))?.parameters;
        ensure_trainable(&parameters, &recipe.training, device)?;
        let mut translator = Translator::new(config, tokenizers, recipe.seed, device)?;
        if let Some(folder) = &init {
            translator.load_weights(folder)?;
        }
        if let Some(recipe) = recipe.training.guided_alignment.filter(|_| guided.is_some()) {
            ensure_teachable(&recipe, &translator)?;
            translator.config.alignment = AttentionHead { layer: recipe.layer, head: recipe.head };
        }
        let reinforcement = translator.config.model.hard_attention().map(Reinforcement::new).transpose()?;
        Ok(TranslationTask { translator, recipe: recipe.clone(), data, guided, reinforcement, repeated, validation, unknown })
    }

    /// How many training pairs there are, and what share of a batch is padding.
    pub fn summary(&self) -> String {
        let mut summary = self.data.summary();
        let limit = self.translator.config.search.length_limit(self.translator.config.length_limit.unwrap_or_default());
        if limit != LengthLimit::default() {
            summary += &format!("; translations have at most {:?} × source pieces + {} pieces", limit.ratio, limit.offset);
        }
        summary
    }
}

/// Before tokenizers are trained, which takes a while: what the model takes with the smallest vocabularies.
fn ensure_smallest_trainable(recipe: &Recipe, device: Device) -> Result<()> {
    let smallest = Vocabularies { source: 4, target: 4, same: recipe.model.copies().then(|| vec![1; 4]) };
    ensure_trainable(&parameter_shapes(&recipe.model, smallest)?.parameters, &recipe.training, device)
}

impl Task for TranslationTask {
    type Batch = Vec<usize>;

    fn epoch(&self, seed: u64, epoch: u64) -> Result<Vec<Self::Batch>> {
        Ok(self.data.epoch(seed, epoch))
    }

    fn loss(&mut self, batch: &Self::Batch, pass: &ForwardContext) -> Result<Loss> {
        let (sources, targets) = self.data.pairs(batch)?;
        let source = Source::new(&sources, self.translator.device);
        let target = Target::new(&targets, self.translator.device);
        let model = self.translator.model.as_ref();
        let attention = if self.guided.is_some() { WithAttention::Yes } else { WithAttention::No };
        let decoded = model.forward(&source, &target.input, pass, attention);
        let mut cross_entropy = match (&decoded.copied, &self.repeated) {
            (Some(copied), Some(repeated)) => {
                let [steps, positions] = [target.input.size()[1], source.ids.size()[1]];
                copying_loss(model, &decoded, copied, &target, &repeated.of(batch, &target.real, [steps, positions]))
            }
            _ => loss_of(model, &decoded, &target, self.recipe.training.label_smoothing),
        };
        let guided = self.guided.as_ref().zip(decoded.attention.as_ref());
        if let Some((reinforcement, sampled)) =
            self.reinforcement.as_mut().zip(decoded.sampled.as_ref()).filter(|_| pass.trains())
        {
            cross_entropy.backward += reinforcement.surrogate(&sampled.listed(&target.real), &cross_entropy.log_probabilities);
        }
        let mut auxiliary = 0.0;
        if let Some(loss) = guided.and_then(|(guided, attention)| guided.loss(attention, batch)) {
            auxiliary = loss.double_value(&[]);
            cross_entropy.loss += auxiliary;
            cross_entropy.backward += loss;
        }
        let counts = BatchCounts {
            terms: target.tokens() as u64,
            sequences: batch.len() as u64,
            source_tokens: source.lengths.iter().sum::<i64>() as u64,
            target_tokens: target.tokens() as u64,
        };
        Ok(Loss {
            backward: cross_entropy.backward,
            sums: LossSums { loss: cross_entropy.loss, nll: cross_entropy.nll, auxiliary, counts },
        })
    }

    fn describe(&self, batch: &Self::Batch) -> String {
        self.data.describe(batch)
    }

    fn memory_estimate(&self, batch: &Self::Batch) -> Vec<u64> {
        self.data.memory_estimate(batch)
    }

    fn parameters(&self) -> Vec<Parameter> {
        Parameter::all(self.translator.model.parameters())
    }

    fn extra_state(&self) -> Value {
        self.reinforcement.as_ref().map_or(Value::Null, Reinforcement::extra_state)
    }

    fn restore_extra_state(&mut self, state: &Value) -> Result<()> {
        self.reinforcement.as_mut().map_or(Ok(()), |reinforcement| reinforcement.restore_extra_state(state))
    }

    fn validate(&mut self, interrupt: &Interrupt) -> Result<Validation> {
        let options = TranslateOptions { interrupt: interrupt.clone(), ..self.translator.translate_options() };
        // Links are those of the head that guided alignment teaches, or of the one that aligns best where that can be told.
        let best = self.validation.best_attention(&self.translator, &options)?;
        if let Some((head, _)) = best {
            self.translator.config.alignment = head;
        }
        let evaluation = self.validation.evaluate(&self.translator, &options, best.map(|(_, rate)| rate))?;
        Ok(Validation { scores: evaluation.named(), counts: evaluation.counts() })
    }

    fn validation_fingerprint(&self) -> ValidationFingerprint {
        let text = self.validation.sources.iter().chain(&self.validation.targets);
        let options = self.translator.translate_options();
        let pairs =
            |links: &[(usize, usize)]| links.iter().map(|(source, target)| format!(" {source}-{target}")).collect::<String>();
        let gold =
            self.validation.gold.iter().flatten().map(|links| format!("{},{}", pairs(&links.sure), pairs(&links.possible)));
        let search = (&self.recipe.search, self.translator.config.length_limit, &options.prefix);
        ValidationFingerprint::default()
            .with("validation text", text)
            .with("number of validation sentences", [self.validation.sources.len().to_string()])
            .with("gold alignments", gold)
            .with("search settings", [serde_json::to_string(&search).expect("settings have a form in JSON")])
            .with("source prefix", &self.translator.config.source_prefix)
    }

    fn figures(&self) -> Value {
        self.unknown.figures()
    }

    fn pictures(&self, directory: &Path) -> Result<()> {
        pictures::draw(&self.translator, &self.validation, self.recipe.training.pictures, directory)
    }

    fn save(&self, directory: &Path) -> Result<()> {
        self.translator.save(directory)
    }

    fn load(&mut self, directory: &Path) -> Result<()> {
        ensure!(
            Tokenizers::load(directory)?.same_files(&self.translator.tokenizers),
            "{}: its tokenizers are not those in the run folder, which are broken or of another run; copy those of the checkpoint there",
            directory.shown()
        );
        let config = Config::load(directory)?;
        self.translator.config.alignment = config.alignment;
        // The run may have begun with another model's.
        self.translator.config.widen_length_limit(&config);
        self.translator.load_weights(directory)
    }
}
