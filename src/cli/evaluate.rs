//! `targum evaluate`: scores of translations, or of word alignments.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::table::table;
use super::text::TextArguments;
use crate::alignment::Links;
use crate::metrics::{
    AlignmentCounts, Bleu, BleuTokenizer, Chrf, CorpusStatistics, Estimate, LengthBucket, Metric, Resamples, Rouge, Score,
    Smoothing, Ter, by_length, p_value, read_gold, read_lines,
};
use crate::runtime::files::Shown;
use crate::runtime::print;

/// Scores translations against references, or word links against gold links.
#[derive(Args)]
pub struct Arguments {
    /// Reference translations, one sentence a line, `.gz` or plain; again for each further reference
    #[arg(long, value_name = "FILE", requires = "hypothesis", required_unless_present = "alignment")]
    reference: Vec<PathBuf>,
    /// Translations to score, `-` for standard input; again for each further system
    #[arg(long, value_name = "FILE", requires = "reference")]
    hypothesis: Vec<PathBuf>,
    /// What to compute
    #[arg(long, value_enum, value_delimiter = ',', default_value = "bleu,chrf,ter")]
    metrics: Vec<MetricName>,
    /// Tokens of BLEU: 13a, intl, zh, char or none
    #[arg(long, value_name = "TOKENIZER", default_value_t)]
    tokenize: BleuTokenizer,
    /// What BLEU makes of n-gram orders without a match: exp, floor, floor=NUMBER, add-k, add-k=NUMBER or none
    #[arg(long, value_name = "METHOD", default_value_t)]
    smoothing: Smoothing,
    /// Lowercase for BLEU and chrF (TER always does, unless --ter-case-sensitive)
    #[arg(long)]
    lowercase: bool,
    /// Tell upper from lower case in TER
    #[arg(long)]
    ter_case_sensitive: bool,
    /// Compare every further system with the first on N resamples of the sentences: mean, 95% confidence interval, p-value
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1000", requires = "reference",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    paired_bootstrap: Option<u32>,
    /// Seed of the resamples
    #[arg(long, default_value_t = 12345, requires = "paired_bootstrap")]
    seed: u64,
    /// BLEU by the number of words in the line of this source file
    #[arg(long, value_name = "SOURCE", requires = "reference")]
    by_length: Option<PathBuf>,
    /// How many lengths share a row of --by-length
    #[arg(long, value_name = "WORDS", default_value = "5", requires = "by_length")]
    bucket_width: NonZeroUsize,
    /// The scores of each sentence too, tab-separated; BLEU leaves out orders that a text is too short for
    #[arg(long, requires = "reference")]
    sentence_level: bool,
    /// Predicted word links, `source-target` counted from 0
    #[arg(long, value_name = "FILE", requires = "gold", conflicts_with = "reference")]
    alignment: Option<PathBuf>,
    /// Gold word links, `i-j` sure and `ipj` possible
    #[arg(long, value_name = "FILE", requires_all = ["gold_base", "alignment"], conflicts_with = "reference")]
    gold: Option<PathBuf>,
    /// The number of the first word in the gold links
    #[arg(long, value_name = "0|1", requires = "gold", value_parser = clap::value_parser!(u8).range(0..=1))]
    gold_base: Option<u8>,
    #[command(flatten)]
    text: TextArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum MetricName {
    Bleu,
    Chrf,
    #[value(name = "chrf++")]
    ChrfPlusPlus,
    Ter,
    /// ROUGE-1, of summaries.
    #[value(name = "rouge1")]
    RougeOne,
    #[value(name = "rouge2")]
    RougeTwo,
    #[value(name = "rougel")]
    RougeL,
}

pub fn run(arguments: Arguments) -> Result<()> {
    arguments.text.apply();
    let report = match (&arguments.alignment, &arguments.gold, arguments.gold_base) {
        (Some(alignment), Some(gold), Some(base)) => evaluate_alignment(alignment, gold, base.into(), arguments.json)?,
        _ => evaluate_translations(&arguments)?,
    };
    Ok(print(&report)?)
}

fn evaluate_alignment(alignment: &Path, gold: &Path, base: usize, json: bool) -> Result<String> {
    let parse = |(index, line): (usize, &String)| -> Result<Links> {
        line.parse().with_context(|| format!("{}:{}", alignment.shown(), index + 1))
    };
    let predicted: Vec<Links> = read_lines(Some(alignment))?.iter().enumerate().map(parse).collect::<Result<_>>()?;
    let expected = read_gold(gold, base)?;
    same_count((alignment, predicted.len()), (gold, expected.len()))?;
    let pairs = predicted.iter().map(Links::as_slice).zip(&expected);
    let score = AlignmentCounts::of(pairs).score();
    if json {
        return Ok(serde_json::to_string_pretty(&score)? + "\n");
    }
    let (links, sure, pairs) = (score.counts.predicted, score.counts.sure, expected.len());
    let error_rate = score.alignment_error_rate;
    Ok(format!(
        "AER = {error_rate:.4} precision = {:.4} recall = {:.4} F1 = {:.4} (links = {links} sure = {sure} sentence pairs = {pairs})\n",
        score.precision, score.recall, score.f1
    ))
}

/// All there is to say of one system.
#[derive(Serialize)]
struct SystemReport {
    hypothesis: String,
    scores: Vec<MetricReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_length: Option<Vec<LengthBucket>>,
}

#[derive(Serialize)]
struct MetricReport {
    #[serde(flatten)]
    score: Score,
    #[serde(skip_serializing_if = "Option::is_none")]
    bootstrap: Option<Estimate>,
    /// Against the first system.
    #[serde(skip_serializing_if = "Option::is_none")]
    p_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentences: Option<Vec<f64>>,
}

fn evaluate_translations(arguments: &Arguments) -> Result<String> {
    let references: Vec<Vec<String>> = arguments.reference.iter().map(|path| read_lines(Some(path))).collect::<Result<_>>()?;
    let references: Vec<&[String]> = references.iter().map(Vec::as_slice).collect();
    let first = (arguments.reference[0].as_path(), references[0].len());
    for (path, lines) in arguments.reference.iter().zip(&references) {
        same_count((path, lines.len()), first)?;
    }
    let mut systems = Vec::new();
    for path in &arguments.hypothesis {
        let lines = read_hypotheses(path)?;
        same_count((path, lines.len()), first)?;
        systems.push(lines);
    }
    if arguments.paired_bootstrap.is_some() {
        ensure!(systems.len() > 1, "--paired-bootstrap compares systems, but there is one; give --hypothesis a second time");
    }

    let mut columns: Vec<Vec<MetricReport>> = Vec::new();
    for (index, name) in arguments.metrics.iter().enumerate() {
        if !arguments.metrics[..index].contains(name) {
            columns.push(score_systems(metric(*name, arguments).as_ref(), &systems, &references, arguments));
        }
    }
    let mut by_length = bleu_by_length(arguments, &systems, &references)?.into_iter();
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    let report = |path: &PathBuf| SystemReport {
        hypothesis: path.shown(),
        scores: columns.iter_mut().filter_map(Iterator::next).collect(),
        by_length: by_length.next(),
    };
    let reports: Vec<SystemReport> = arguments.hypothesis.iter().map(report).collect();
    if arguments.json { Ok(serde_json::to_string_pretty(&reports)? + "\n") } else { text_report(&reports) }
}

fn same_count(found: (&Path, usize), expected: (&Path, usize)) -> Result<()> {
    let ((path, count), (other, wanted)) = (found, expected);
    let (path, other) = (path.shown(), other.shown());
    ensure!(count == wanted, "{path} has {count} lines, but {other} has {wanted}; line N of each must belong to one sentence");
    Ok(())
}

fn read_hypotheses(path: &Path) -> Result<Vec<String>> {
    read_lines(Some(path).filter(|path| *path != Path::new("-")))
}

fn bleu(arguments: &Arguments) -> Bleu {
    let Arguments { lowercase, smoothing, tokenize: tokenizer, sentence_level: effective_order, .. } = *arguments;
    Bleu { tokenizer, lowercase, smoothing, effective_order }
}

fn metric(name: MetricName, arguments: &Arguments) -> Box<dyn Metric> {
    let lowercase = arguments.lowercase;
    match name {
        MetricName::Bleu => Box::new(bleu(arguments)),
        MetricName::Chrf => Box::new(Chrf { lowercase, ..Chrf::default() }),
        MetricName::ChrfPlusPlus => Box::new(Chrf { lowercase, ..Chrf::plus_plus() }),
        MetricName::RougeOne => Box::new(Rouge::Ngrams(1)),
        MetricName::RougeTwo => Box::new(Rouge::Ngrams(2)),
        MetricName::RougeL => Box::new(Rouge::LongestSubsequence),
        MetricName::Ter => Box::new(Ter { case_sensitive: arguments.ter_case_sensitive }),
    }
}

/// One metric on every system.
fn score_systems(
    metric: &dyn Metric,
    systems: &[Vec<String>],
    references: &[&[String]],
    arguments: &Arguments,
) -> Vec<MetricReport> {
    let statistics: Vec<CorpusStatistics> = systems.iter().map(|lines| metric.corpus_statistics(lines, references)).collect();
    let mut reports: Vec<MetricReport> = statistics
        .iter()
        .map(|statistics| MetricReport {
            score: metric.score(&statistics.sum(0..statistics.sentences.len()), statistics.references),
            bootstrap: None,
            p_value: None,
            sentences: arguments
                .sentence_level
                .then(|| statistics.sentences.iter().map(|sums| metric.evaluate(sums).0).collect()),
        })
        .collect();
    if let Some(count) = arguments.paired_bootstrap {
        let resamples = Resamples::draw(references[0].len(), count as usize, arguments.seed);
        let values: Vec<Vec<f64>> = statistics.iter().map(|statistics| resamples.values(metric, statistics)).collect();
        let baseline = reports[0].score.value;
        for (index, (report, values_of_system)) in reports.iter_mut().zip(&values).enumerate() {
            report.bootstrap = Some(Estimate::of(values_of_system));
            let difference = (report.score.value - baseline).abs();
            report.p_value = (index > 0).then(|| p_value(&values[0], values_of_system, difference));
            let drawn = format!("|bs:{count}|seed:{}|", arguments.seed);
            report.score.signature = report.score.signature.replacen('|', &drawn, 1);
        }
    }
    reports
}

/// BLEU by source length of each system; nothing where it was not asked for.
fn bleu_by_length(arguments: &Arguments, systems: &[Vec<String>], references: &[&[String]]) -> Result<Vec<Vec<LengthBucket>>> {
    let Some(path) = &arguments.by_length else { return Ok(Vec::new()) };
    let sources = read_lines(Some(path))?;
    same_count((path, sources.len()), (&arguments.reference[0], references[0].len()))?;
    let bleu = bleu(arguments);
    let of_system = |lines: &Vec<String>| {
        by_length(&bleu, &bleu.corpus_statistics(lines, references), &sources, arguments.bucket_width.get())
    };
    Ok(systems.iter().map(of_system).collect())
}

fn text_report(reports: &[SystemReport]) -> Result<String> {
    let mut out = String::new();
    let first = &reports[0];
    if let [only] = reports {
        for MetricReport { score, .. } in &only.scores {
            writeln!(out, "{score}")?;
        }
    } else {
        let head = first.scores.iter().map(|report| report.score.name.clone());
        let mut rows = vec![std::iter::once("system".into()).chain(head).collect::<Vec<_>>()];
        for report in reports {
            let cells = report.scores.iter().zip(&first.scores).map(|(report, baseline)| cell(report, baseline));
            rows.push(std::iter::once(report.hypothesis.clone()).chain(cells).collect());
        }
        out += &table(&rows);
        if first.scores.iter().any(|report| report.bootstrap.is_some()) {
            out += "\nscore (mean ± 95% confidence interval of resamples; p-value against the first system, * below 0.05)\n";
        }
        out += "\n";
        for MetricReport { score, .. } in &first.scores {
            writeln!(out, "{}|{}", score.name, score.signature)?;
        }
    }
    if let Some(buckets) = &first.by_length {
        let names = reports.iter().map(|report| if reports.len() > 1 { report.hypothesis.clone() } else { "BLEU".into() });
        let mut rows = vec![["source words".into(), "sentences".into()].into_iter().chain(names).collect::<Vec<_>>()];
        for (index, bucket) in buckets.iter().enumerate() {
            let scores = reports.iter().flat_map(|report| &report.by_length).map(|buckets| &buckets[index].score);
            let scores = scores.map(|score| format!("{:.2}", score.value));
            let range = format!("{}-{}", bucket.from, bucket.to);
            rows.push([range, bucket.sentences.to_string()].into_iter().chain(scores).collect());
        }
        write!(out, "\nBLEU|{} by source length\n{}", buckets[0].score.signature, table(&rows))?;
    }
    out += &sentence_lines(reports);
    Ok(out)
}

fn cell(report: &MetricReport, baseline: &MetricReport) -> String {
    let mut cell = format!("{:.2}", report.score.value);
    let estimate = report.bootstrap.map(|Estimate { mean, confidence }| format!("{mean:.2} ± {confidence:.2}"));
    // A system that equals the first has the smallest p-value there is, by sacreBLEU's convention; it deserves no star.
    let star = |p: f64| if p < 0.05 && report.score.value != baseline.score.value { "*" } else { "" };
    let p_value = report.p_value.map(|p| format!("p = {p:.4}{}", star(p)));
    let notes: Vec<String> = estimate.into_iter().chain(p_value).collect();
    if !notes.is_empty() {
        cell += &format!(" ({})", notes.join("; "));
    }
    cell
}

/// A line for each sentence with the values of every system and metric; nothing where they were not asked for.
fn sentence_lines(reports: &[SystemReport]) -> String {
    let columns = || reports.iter().flat_map(|report| report.scores.iter().map(move |score| (report, score)));
    let values: Vec<&Vec<f64>> = columns().filter_map(|(_, score)| score.sentences.as_ref()).collect();
    let Some(first) = values.first() else { return String::new() };
    let heads = columns().map(|(report, score)| format!("\t{} {}", report.hypothesis, score.score.name));
    let mut out = format!("\nsentence{}\n", heads.collect::<String>());
    for index in 0..first.len() {
        let cells: String = values.iter().map(|values| format!("\t{:.2}", values[index])).collect();
        out += &format!("{}{cells}\n", index + 1);
    }
    out
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// Runs on files of the given contents; a word of the command that is a file's name becomes its path. Errors have the names
    /// in place of the paths.
    fn evaluate(files: &[(&str, &str)], command: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, contents) in files {
            std::fs::write(folder.path().join(name), contents).unwrap();
        }
        let path = |word: &str| match files.iter().any(|(name, _)| *name == word) {
            true => folder.path().join(word).shown(),
            false => word.to_owned(),
        };
        let words = std::iter::once("evaluate".to_owned()).chain(command.split(' ').map(path));
        let CommandLine { arguments } = CommandLine::try_parse_from(words).map_err(|error| error.to_string())?;
        let report = match &arguments.alignment {
            Some(alignment) => evaluate_alignment(
                alignment,
                arguments.gold.as_ref().unwrap(),
                arguments.gold_base.unwrap().into(),
                arguments.json,
            ),
            None => evaluate_translations(&arguments),
        };
        let named = |text: String| text.replace(&format!("{}/", folder.path().shown()), "");
        report.map(named).map_err(|error| named(format!("{error:#}")))
    }

    const REFERENCE: (&str, &str) = ("reference", "the red bird sings at night\nfour small dogs run to the sea\n");
    const GOOD: (&str, &str) = ("good", "the red bird sings at night\nfour small dogs run to a sea\n");
    const BAD: (&str, &str) = ("bad", "a bird sings\nsmall dogs run to sea the\n");

    #[test]
    fn each_metric_is_one_line_in_the_order_asked_for() {
        let report =
            evaluate(&[REFERENCE], "--reference reference --hypothesis reference --metrics ter,bleu,chrf++,ter").unwrap();
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("TER|nrefs:1|") && lines[0].ends_with(" = 0.00"), "{report}");
        assert!(lines[1].starts_with("BLEU|nrefs:1|") && lines[1].contains(" = 100.00 100.0/"), "{report}");
        assert!(lines[2].starts_with("chrF2++|nrefs:1|") && lines[2].ends_with(" = 100.00"), "{report}");
    }

    #[test]
    fn json_has_every_system_with_what_was_asked_for() {
        let command = "--reference reference --hypothesis good --hypothesis bad --metrics bleu --paired-bootstrap 50 --seed 3 \
            --by-length reference --bucket-width 6 --sentence-level --json";
        let report: Value = serde_json::from_str(&evaluate(&[REFERENCE, GOOD, BAD], command).unwrap()).unwrap();
        let [good, bad] = [&report[0]["scores"][0], &report[1]["scores"][0]];
        assert!(good["value"].as_f64() > bad["value"].as_f64());
        assert!(good["signature"].as_str().unwrap().starts_with("nrefs:1|bs:50|seed:3|case:mixed|eff:yes|"));
        assert!(good["p_value"].is_null() && bad["p_value"].as_f64().unwrap() <= 1.0);
        assert!(good["bootstrap"]["mean"].as_f64().unwrap() <= 100.0 + 1e-9);
        assert_eq!(bad["sentences"].as_array().unwrap().len(), 2);
        let buckets = report[1]["by_length"].as_array().unwrap();
        let ranges: Vec<_> = buckets.iter().map(|bucket| (bucket["from"].as_u64(), bucket["to"].as_u64())).collect();
        assert_eq!(ranges, [(Some(1), Some(6)), (Some(7), Some(12))]);
        assert_eq!(buckets[0]["score"]["value"], bad["sentences"][0]);
    }

    #[test]
    fn tables_have_a_row_for_each_system_bucket_and_sentence() {
        let command =
            "--reference reference --hypothesis good --hypothesis bad --paired-bootstrap --by-length bad --sentence-level";
        let report = evaluate(&[REFERENCE, GOOD, BAD], command).unwrap();
        let starts: Vec<&str> = report.lines().map(|line| line.split([' ', '\t', '|']).next().unwrap()).collect();
        let bleu_chrf_ter = ["BLEU", "chrF2", "TER"];
        let expected = [
            &["system", "good", "bad", "", "score", ""][..],
            &bleu_chrf_ter,
            &["", "BLEU", "source", "1-5", "6-10"],
            &["", "sentence", "1", "2"],
        ];
        assert_eq!(starts, expected.concat());
    }

    #[test]
    fn links_are_scored_against_gold_of_either_base() {
        let files = [("links", "0-0 1-1\r\n\n"), ("from0", "0-0 1p1\n2-2\n"), ("from1", "1-1 2p2\n3-3\n")];
        for base in [0, 1] {
            let report = evaluate(&files, &format!("--alignment links --gold from{base} --gold-base {base}")).unwrap();
            // |A| = 2, |S| = 2, |A ∩ S| = 1, |A ∩ P| = 2
            let scores = "AER = 0.2500 precision = 1.0000 recall = 0.5000 F1 = 0.6667";
            assert_eq!(report, format!("{scores} (links = 2 sure = 2 sentence pairs = 2)\n"));
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let files = [REFERENCE, GOOD, ("short", "one line\n"), ("empty", ""), ("links", "0-0\n1:1\n"), ("gold", "1-1\n2-2\n")];
        for (command, expected) in [
            (
                "--reference reference --hypothesis short",
                "short has 1 lines, but reference has 2; line N of each must belong to one sentence",
            ),
            (
                "--reference reference --hypothesis good --by-length short",
                "short has 1 lines, but reference has 2; line N of each must belong to one sentence",
            ),
            ("--reference reference --reference empty --hypothesis good", "empty is empty; expected one sentence a line"),
            (
                "--reference reference --hypothesis good --paired-bootstrap",
                "--paired-bootstrap compares systems, but there is one; give --hypothesis a second time",
            ),
        ] {
            assert_eq!(evaluate(&files, command).unwrap_err(), expected);
        }
        let error = evaluate(&files, "--alignment links --gold gold --gold-base 1").unwrap_err();
        assert!(error.starts_with("links:2: \"1:1\" is not a link"), "{error}");
    }

    #[test]
    fn translations_and_alignments_do_not_mix_and_the_base_must_be_stated() {
        let files = [REFERENCE, ("links", "0-0\n")];
        for (command, missing) in [
            ("--hypothesis reference", "--reference"),
            ("--reference reference", "--hypothesis"),
            ("--alignment links", "--gold"),
            ("--alignment links --gold links", "--gold-base"),
            ("--reference reference --hypothesis reference --gold links --gold-base 0", "cannot be used with"),
            ("--reference reference --hypothesis reference --smoothing floor=x", "needs a positive number, such as floor=0.1"),
        ] {
            let error = evaluate(&files, command).unwrap_err();
            assert!(error.contains(missing), "{command}: {error}");
        }
    }
}
