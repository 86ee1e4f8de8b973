//! One aligned sentence pair as a line of JSON.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::links::Links;
use super::matrix::AttentionMatrix;
use crate::input::lines;
use crate::runtime::files::Shown;

/// A sentence pair with its attention and links; one JSON object a line.
///
/// `weights` is a list of rows (target words) of columns (source words), optionally with one more row and column for the ends of
/// sentence, as merging made it. It is written with five decimals; links are computed before rounding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentRecord {
    /// The raw source line.
    pub source: String,
    /// The translation, raw text too.
    pub target: String,
    pub source_words: Vec<String>,
    pub target_words: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_pieces: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_pieces: Option<Vec<String>>,
    #[serde(serialize_with = "write_rows", deserialize_with = "read_rows")]
    pub weights: AttentionMatrix,
    /// `[source word, target word]`, 0-indexed.
    pub links: Links,
    /// The model's score of the target: sum of natural-log probabilities, end of sentence included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

impl AlignmentRecord {
    /// One line of JSON without its line end.
    pub fn to_line(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads what [`AlignmentRecord::to_line`] wrote, and checks that links and weights fit the words.
    pub fn from_line(line: &str) -> Result<Self> {
        let record: Self = serde_json::from_str(line).context("not an alignment record")?;
        let (sources, targets) = (record.source_words.len(), record.target_words.len());
        if let Some((source, target)) = record.links.out_of_bounds(sources, targets) {
            anyhow::bail!("link [{source}, {target}] points outside {sources} source and {targets} target words");
        }
        let (rows, columns) = (record.weights.rows(), record.weights.columns());
        ensure!(
            (targets..=targets + 1).contains(&rows) && (rows == 0 || (sources..=sources + 1).contains(&columns)),
            "weights are {rows}×{columns}, expected {targets}×{sources} (rows of target words, columns of source words; one more \
             of each where ends of sentence are kept)"
        );
        Ok(record)
    }
}

/// Reads JSON Lines; errors name `path:line`.
pub fn read_records(path: &Path) -> Result<impl Iterator<Item = Result<AlignmentRecord>>> {
    let name = path.shown();
    Ok(lines(Some(path))?
        .enumerate()
        .map(move |(index, line)| AlignmentRecord::from_line(&line?).with_context(|| format!("{name}:{}", index + 1))))
}

fn write_rows<S: Serializer>(matrix: &AttentionMatrix, serializer: S) -> Result<S::Ok, S::Error> {
    let round = |weight: &f32| (f64::from(*weight) * 1e5).round() / 1e5;
    serializer.collect_seq(matrix.iter_rows().map(|row| row.iter().map(round).collect::<Vec<_>>()))
}

fn read_rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AttentionMatrix, D::Error> {
    let rows = Vec::<Vec<f32>>::deserialize(deserializer)?;
    AttentionMatrix::from_rows(&rows).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn record() -> AlignmentRecord {
        AlignmentRecord {
            source: "a \"red\" kite".into(),
            target: "un cerf-volant rouge".into(),
            source_words: words("a \"red\" kite"),
            target_words: words("un cerf-volant rouge"),
            source_pieces: None,
            target_pieces: None,
            weights: AttentionMatrix::from_rows(&[[2.0 / 3.0, 0.0, 1.0 / 3.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).unwrap(),
            links: "0-0 1-2 2-1".parse().unwrap(),
            score: Some(-1.25),
        }
    }

    #[test]
    fn the_line_is_the_documented_one() {
        assert_eq!(
            record().to_line().unwrap(),
            r#"{"source":"a \"red\" kite","target":"un cerf-volant rouge","source_words":["a","\"red\"","kite"],"target_words":["un","cerf-volant","rouge"],"weights":[[0.66667,0.0,0.33333],[0.0,0.0,1.0],[0.0,1.0,0.0]],"links":[[0,0],[1,2],[2,1]],"score":-1.25}"#
        );
    }

    #[test]
    fn broken_lines_are_refused_by_name_and_number() {
        let good = record().to_line().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pairs.jsonl");
        let message = |line: &str| {
            std::fs::write(&path, format!("{good}\n{line}\n")).unwrap();
            let records: Vec<_> = read_records(&path).unwrap().collect();
            assert!(records[0].is_ok());
            format!("{:#}", records[1].as_ref().unwrap_err())
        };
        assert!(message("{}").contains("pairs.jsonl:2: not an alignment record: missing field `source`"));
        assert!(message(&good.replace("[2,1]", "[3,1]")).contains("link [3, 1] points outside 3 source and 3 target words"));
        assert!(message(&good.replace("[0.0,0.0,1.0],", "[0.0,1.0],")).contains("row 1 of the attention matrix has 2 weights"));
        assert!(message(&good.replace("[0.0,0.0,1.0],", "")).contains("weights are 2×3, expected 3×3"));
    }

    proptest! {
        #[test]
        fn writing_and_reading_keeps_all_but_the_sixth_decimal(
            weights in prop::collection::vec(0.0_f32..1.0, 9),
            source in ".{0,20}",
            score in prop::option::of((-9999..0).prop_map(|sixteenths| f64::from(sixteenths) / 16.0)),
        ) {
            let weights = AttentionMatrix::new(3, 3, weights).unwrap();
            let pieces = Some(vec![source.clone()]);
            let record = AlignmentRecord { source, weights, score, source_pieces: pieces, ..record() };
            let read = AlignmentRecord::from_line(&record.to_line().unwrap()).unwrap();
            for (read, written) in read.weights.weights().iter().zip(record.weights.weights()) {
                prop_assert!((read - written).abs() < 6e-6);
            }
            let rounded = AlignmentRecord { weights: read.weights.clone(), ..record };
            prop_assert_eq!(read, rounded);
        }
    }
}
