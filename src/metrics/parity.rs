//! The metrics against sacreBLEU itself, in the numbers that `tests/fixtures/reference/metrics.py` writes down.

use serde::Deserialize;
use std::collections::HashMap;

use super::{Bleu, Chrf, Detail, Estimate, Metric, Resamples, Smoothing, Ter, p_value};

#[derive(Deserialize)]
struct Fixture {
    corpora: HashMap<String, Corpus>,
    cases: Vec<Case>,
    bootstrap: Bootstrap,
}

#[derive(Deserialize)]
struct Corpus {
    hypotheses: Vec<String>,
    references: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Case {
    corpus: String,
    references: usize,
    #[serde(flatten)]
    setting: Setting,
    printed: String,
    score: f64,
    #[serde(default)]
    precisions: Vec<f64>,
    brevity_penalty: Option<f64>,
    sentences: Vec<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "metric", rename_all = "lowercase")]
enum Setting {
    Bleu { tokenizer: String, lowercase: bool, smoothing: String, effective_order: bool },
    Chrf { word_order: usize, lowercase: bool },
    Ter { case_sensitive: bool },
}

impl Setting {
    fn metric(&self) -> Box<dyn Metric> {
        match self {
            Self::Bleu { tokenizer, lowercase, smoothing, effective_order } => Box::new(Bleu {
                tokenizer: tokenizer.parse().unwrap(),
                lowercase: *lowercase,
                smoothing: smoothing.parse::<Smoothing>().unwrap(),
                effective_order: *effective_order,
            }),
            Self::Chrf { word_order, lowercase } => {
                Box::new(Chrf { word_order: *word_order, lowercase: *lowercase, ..Chrf::default() })
            }
            Self::Ter { case_sensitive } => Box::new(Ter { case_sensitive: *case_sensitive }),
        }
    }
}

#[derive(Deserialize)]
struct Bootstrap {
    baseline: Vec<String>,
    resamples: Vec<Vec<usize>>,
    /// By metric: what was found for the baseline and for the system.
    tests: HashMap<String, [BootstrapResult; 2]>,
}

#[derive(Deserialize)]
struct BootstrapResult {
    score: f64,
    p_value: Option<f64>,
    mean: f64,
    ci: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../tests/fixtures/metrics/sacrebleu.json")).unwrap()
}

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance
}

#[test]
fn every_corpus_and_sentence_scores_as_in_sacrebleu() {
    let fixture = fixture();
    let mut differences = Vec::new();
    for case in &fixture.cases {
        let metric = case.setting.metric();
        let corpus = &fixture.corpora[&case.corpus];
        let references: Vec<&[String]> = corpus.references[..case.references].iter().map(Vec::as_slice).collect();
        let score = metric.corpus(&corpus.hypotheses, &references);
        let printed = case.printed.replace("version:2.5.1", concat!("targum:", env!("CARGO_PKG_VERSION")));
        if score.to_string() != printed || !close(score.value, case.score, 1e-9) {
            differences.push(format!("found    {score} {}\nexpected {printed} {}", score.value, case.score));
        }
        if let Detail::Bleu { precisions, brevity_penalty, .. } = &score.detail {
            assert!(close(*brevity_penalty, case.brevity_penalty.unwrap(), 1e-12), "{:?}", case.setting);
            for (found, expected) in precisions.iter().zip(&case.precisions) {
                assert!(close(*found, *expected, 1e-9), "{:?}: {precisions:?}", case.setting);
            }
        }
        let statistics = metric.corpus_statistics(&corpus.hypotheses, &references);
        assert_eq!(case.sentences.len(), statistics.sentences.len());
        for (index, (sums, expected)) in statistics.sentences.iter().zip(&case.sentences).enumerate() {
            let (found, _) = metric.evaluate(sums);
            if !close(found, *expected, 1e-7) {
                let setting = &case.setting;
                differences.push(format!("{setting:?} sentence {index}: found {found}, expected {expected}, from {sums:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_same_resamples_give_the_same_significance_as_in_sacrebleu() {
    let Fixture { corpora, bootstrap, .. } = fixture();
    let Corpus { hypotheses, references } = &corpora["written"];
    let resamples = Resamples::given(bootstrap.resamples);
    for (name, [baseline, system]) in &bootstrap.tests {
        let metric: Box<dyn Metric> = match name.as_str() {
            "bleu" => Box::new(Bleu::default()),
            "chrf++" => Box::new(Chrf::plus_plus()),
            _ => Box::new(Ter::default()),
        };
        let values = [(&bootstrap.baseline, baseline), (hypotheses, system)].map(|(lines, expected)| {
            let statistics = metric.corpus_statistics(lines, &[&references[0]]);
            let (score, _) = metric.evaluate(&statistics.sum(0..lines.len()));
            assert!(close(score, expected.score, 1e-9), "{name}: {score}");
            let values = resamples.values(metric.as_ref(), &statistics);
            // sacreBLEU resamples in single precision.
            let Estimate { mean, confidence } = Estimate::of(&values);
            assert!(close(mean, expected.mean, 1e-4) && close(confidence, expected.ci, 1e-4), "{name}: {mean} ± {confidence}");
            values
        });
        let p = p_value(&values[0], &values[1], (baseline.score - system.score).abs());
        assert!(close(p, system.p_value.unwrap(), 1e-12), "{name}: p = {p}");
    }
}
