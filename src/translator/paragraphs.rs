//! Long input: paragraphs in sentences, and sentences that are too long for the model in parts; what comes back is one line again.

use anyhow::{Result, ensure};
use unicode_width::UnicodeWidthChar;

use super::Translator;
use super::aligned::Aligned;
use super::translate::{TranslateOptions, Translated, Translation};
use crate::alignment::{AttentionMatrix, Links};
use crate::text::{Encoding, Unknown, fit, sentences, words};

/// Most weights of a joined line, 400 MB: those of ten thousand words and as many.
const MOST_WEIGHTS: usize = 100_000_000;

/// Bytes of a line.
type Range = (usize, usize);

/// What is translated in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Splitting {
    /// Whether a line is taken as a paragraph and each of its sentences translated by itself.
    pub sentences: bool,
    /// Most pieces that are translated together; the model's own maximum unless given. What is longer is cut at punctuation, else at
    /// white space, else within the word.
    pub maximum_length: Option<usize>,
}

/// A sentence that was too long for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongSentence {
    /// Its line, counted from 0.
    pub line: usize,
    pub pieces: usize,
    /// Into how many parts it was cut.
    pub parts: usize,
}

impl Translator {
    /// Translates lines, each in as many parts as `splitting` says, and joins the parts of a line with the spacing that stood between
    /// them: as many lines out as in. Also tells which sentences were too long. The k-th hypothesis of a line is made of the k-th of
    /// each part (its last one, where a part has fewer); scores add up.
    pub fn translate_paragraphs(
        &self,
        lines: &[&str],
        options: &TranslateOptions,
        splitting: Splitting,
    ) -> Result<(Vec<Translation>, Vec<LongSentence>)> {
        let Parts { ranges, texts, encodings, long } = self.parts(lines, splitting)?;
        let mut translated = self.translate_encoded(&texts, &encodings, options)?.into_iter();
        let mut translations = Vec::with_capacity(lines.len());
        for (line, ranges) in lines.iter().zip(&ranges) {
            let of_parts: Vec<Translation> = translated.by_ref().take(ranges.len()).collect();
            translations.push(join(line, ranges, of_parts)?);
        }
        Ok((translations, long))
    }

    /// Cuts lines into their sentences, and those that are too long for the model into parts.
    fn parts<'a>(&self, lines: &[&'a str], splitting: Splitting) -> Result<Parts<'a>> {
        // The source's end of sentence has a place as well.
        let of_model = self.longest.source.saturating_sub(1);
        let most = splitting.maximum_length.unwrap_or(of_model).min(of_model).max(1);
        let of_line = |line: &&str| match splitting.sentences.then(|| sentences(line)) {
            Some(several) if several.len() > 1 => several,
            // A line in one part goes as it came.
            _ => vec![(0, line.len())],
        };
        let encoder = self.source_encoder()?;
        let sentences: Vec<Vec<Range>> = lines.iter().map(of_line).collect();
        let texts: Vec<&str> = lines.iter().zip(&sentences).flat_map(|(line, ranges)| slices(line, ranges)).collect();
        let mut encoded = encoder.encode_batch(&texts).into_iter();
        let mut parts = Parts::default();
        for (number, (line, sentences)) in lines.iter().zip(sentences).enumerate() {
            let mut ranges = Vec::new();
            for (range, encoding) in sentences.into_iter().zip(encoded.by_ref()) {
                let pieces = encoding.ids.len() - encoding.prefix;
                if pieces <= most {
                    ranges.push(range);
                    parts.encodings.push(encoding);
                } else {
                    let found = fit(&line[range.0..range.1], most, |part| self.tokenizers.source().encode(part));
                    let found: Vec<Range> = found.into_iter().map(|(from, to)| (range.0 + from, range.0 + to)).collect();
                    parts.encodings.extend(slices(line, &found).map(|part| encoder.encode(part)));
                    parts.long.push(LongSentence { line: number, pieces, parts: found.len() });
                    ranges.extend(found);
                }
            }
            parts.texts.extend(slices(line, &ranges));
            parts.ranges.push(ranges);
        }
        Ok(parts)
    }
}

/// What lines are cut into.
#[derive(Default)]
struct Parts<'a> {
    /// Of each line.
    ranges: Vec<Vec<Range>>,
    /// Of all lines, in order.
    texts: Vec<&'a str>,
    encodings: Vec<Encoding>,
    long: Vec<LongSentence>,
}

fn slices<'a>(line: &'a str, ranges: &[Range]) -> impl Iterator<Item = &'a str> {
    ranges.iter().map(move |&(start, end)| &line[start..end])
}

/// One line of its translated parts.
fn join(line: &str, parts: &[Range], translations: Vec<Translation>) -> Result<Translation> {
    let mut translations = translations;
    if translations.len() == 1 {
        return Ok(translations.remove(0));
    }
    let most = translations.iter().map(|translation| translation.hypotheses.len()).max().unwrap_or(0);
    let of_rank = |rank: usize| {
        let of_part = |translation: &Translation| translation.hypotheses.get(rank).or(translation.hypotheses.last()).cloned();
        join_hypotheses(line, parts, translations.iter().filter_map(of_part).collect())
    };
    let mut unknown = Unknown::default();
    translations.iter().for_each(|translation| unknown.add(&translation.unknown));
    Ok(Translation { source: line.to_string(), unknown, hypotheses: (0..most).map(of_rank).collect::<Result<_>>()? })
}

fn join_hypotheses(line: &str, parts: &[Range], hypotheses: Vec<Translated>) -> Result<Translated> {
    let mut text = String::new();
    let mut places = Vec::new();
    for (part, hypothesis) in hypotheses.iter().enumerate() {
        if part > 0 {
            text += &spacing(&line[parts[part - 1].1..parts[part].0], &text, &hypothesis.text);
        }
        places.push((text.len(), text.len() + hypothesis.text.len()));
        text += &hypothesis.text;
    }
    let aligned: Option<Vec<&Aligned>> = hypotheses.iter().map(|hypothesis| hypothesis.aligned.as_ref()).collect();
    let aligned = aligned.map(|aligned| join_aligned(line, parts, &text, &places, &aligned)).transpose()?;
    Ok(Translated {
        score: hypotheses.iter().map(|hypothesis| hypothesis.score).sum(),
        log_probabilities: hypotheses.iter().flat_map(|hypothesis| hypothesis.log_probabilities.iter().copied()).collect(),
        tokens: hypotheses.iter().flat_map(|hypothesis| hypothesis.tokens.iter().copied()).collect(),
        pieces: hypotheses.iter().flat_map(|hypothesis| hypothesis.pieces.iter().cloned()).collect(),
        finished: hypotheses.iter().all(|hypothesis| hypothesis.finished),
        cut_short: hypotheses.iter().any(|hypothesis| hypothesis.cut_short),
        unmet: hypotheses.iter().flat_map(|hypothesis| hypothesis.unmet.iter().cloned()).collect(),
        aligned,
        text,
    })
}

/// The source's own spacing, without what would break the line or its columns. Where there was none, as between Chinese sentences,
/// there is a space unless both neighbours are written without.
fn spacing(source: &str, before: &str, after: &str) -> String {
    let wide = |character: Option<char>| character.and_then(UnicodeWidthChar::width) == Some(2);
    if before.is_empty()
        || after.is_empty()
        || source.is_empty() && wide(before.chars().next_back()) && wide(after.chars().next())
    {
        return String::new();
    }
    if source.is_empty() {
        return " ".into();
    }
    source
        .chars()
        .map(|space| if matches!(space, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { space })
        .collect()
}

/// Blocks of weights along the diagonal. A word that two parts share (they were cut within it, or joined without a space) has the
/// mean of both rows or the sum of both columns, as pieces of one word have.
fn join_aligned(line: &str, parts: &[Range], text: &str, places: &[Range], aligned: &[&Aligned]) -> Result<Aligned> {
    let (sources, targets) = (words(line), words(text));
    let word_at = |words: &[(usize, usize)], byte: usize| words.partition_point(|word| word.1 <= byte);
    let keeps_end = aligned.iter().any(|part| part.weights.rows() > part.target_words.len());
    let (rows, columns) = (targets.len() + usize::from(keeps_end), sources.len() + usize::from(keeps_end));
    ensure!(
        rows.saturating_mul(columns) <= MOST_WEIGHTS,
        "a line of {} words and its translation of {}: too long to show attention for; give it in several lines, or ask for no attention",
        sources.len(),
        targets.len()
    );
    let (mut weights, mut parts_of_row) = (vec![0f32; rows * columns], vec![0f32; rows]);
    let mut links = Vec::new();
    for (index, part) in aligned.iter().enumerate() {
        let (source, target) = (word_at(&sources, parts[index].0), word_at(&targets, places[index].0));
        let (own_rows, own_columns) = (part.target_words.len(), part.source_words.len());
        links.extend(part.links.iter().map(|(s, t)| (s + source, t + target)));
        for (row, values) in part.weights.iter_rows().enumerate() {
            // Of the ends of sentence, the last one is the line's.
            let row = match row < own_rows {
                true => row + target,
                false if index + 1 == aligned.len() => rows - 1,
                false => continue,
            };
            parts_of_row[row] += 1.0;
            for (column, value) in values.iter().enumerate() {
                let column = if column < own_columns { column + source } else { columns - 1 };
                weights[row * columns + column] += value;
            }
        }
    }
    for (row, count) in weights.chunks_mut(columns.max(1)).zip(parts_of_row) {
        row.iter_mut().for_each(|weight| *weight /= count.max(1.0));
    }
    let texts = |line: &str, words: &[(usize, usize)]| words.iter().map(|&(start, end)| line[start..end].to_string()).collect();
    Ok(Aligned {
        source_words: texts(line, &sources),
        target_words: texts(text, &targets),
        weights: AttentionMatrix::new(rows, columns, weights)?,
        links: links.into_iter().collect::<Links>(),
        caption: aligned.first().map_or_else(String::new, |part| part.caption.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(source: &str, target: &str, rows: &[&[f32]], links: &[(usize, usize)]) -> Translation {
        let split = |line: &str| line.split_whitespace().map(str::to_string).collect();
        let aligned = Aligned {
            source_words: split(source),
            target_words: split(target),
            weights: AttentionMatrix::from_rows(rows).unwrap(),
            links: links.iter().copied().collect(),
            caption: String::new(),
        };
        let hypothesis = |text: &str, score| Translated {
            text: text.into(),
            score,
            log_probabilities: vec![-1.0],
            tokens: vec![4],
            pieces: vec![text.into()],
            aligned: Some(aligned.clone()),
            finished: true,
            cut_short: false,
            unmet: Vec::new(),
        };
        Translation {
            source: source.into(),
            unknown: Unknown::of(2, 1),
            hypotheses: vec![hypothesis(target, -1.0), hypothesis(target, -2.0)],
        }
    }

    #[test]
    fn spacing_words_and_links_of_a_line_are_its_parts() {
        let line = "a b.\u{a0} c";
        let mut parts =
            vec![part("a b.", "x y", &[&[0.75, 0.25], &[0.5, 0.5]], &[(0, 0), (1, 1)]), part("c", "z", &[&[1.0]], &[(0, 0)])];
        parts[1].hypotheses.pop();
        let joined = join(line, &[(0, 4), (7, 8)], parts).unwrap();
        assert_eq!((joined.source.as_str(), joined.hypotheses.len()), (line, 2));
        assert_eq!(joined.unknown, Unknown::of(4, 2));
        let best = &joined.hypotheses[0];
        assert_eq!((best.text.as_str(), best.score, best.pieces.len()), ("x y\u{a0} z", -2.0, 2));
        assert_eq!(joined.hypotheses[1].score, -3.0, "the second of one part and the only one of the other");
        let aligned = best.aligned.as_ref().unwrap();
        assert_eq!(aligned.links.to_string(), "0-0 1-1 2-2");
        assert_eq!(aligned.weights, AttentionMatrix::from_rows(&[[0.75, 0.25, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]).unwrap());
        assert_eq!(aligned.target_words, ["x", "y", "z"]);
    }

    #[test]
    fn ends_of_sentence_and_shared_words_are_joined_too() {
        // 好。好。 is one word by white space; each part keeps its end as a last row and column.
        let parts = vec![
            part("好。", "吗", &[&[0.75, 0.25], &[0.5, 0.5]], &[(0, 0)]),
            part("好。", "吗 x", &[&[0.25, 0.75], &[1.0, 0.0], &[0.125, 0.875]], &[(0, 0), (0, 1)]),
        ];
        let joined = join("好。好。", &[(0, 6), (6, 12)], parts).unwrap();
        let best = &joined.hypotheses[0];
        assert_eq!(best.text, "吗吗 x", "no space where neither side has one");
        let aligned = best.aligned.as_ref().unwrap();
        assert_eq!(aligned.weights, AttentionMatrix::from_rows(&[[0.5, 0.5], [1.0, 0.0], [0.125, 0.875]]).unwrap());
        assert_eq!(aligned.links.to_string(), "0-0 0-1");
    }

    #[test]
    fn spacing_never_breaks_a_line() {
        assert_eq!(spacing("\t\u{2028}", "a", "b"), "  ");
        assert_eq!(spacing("", "a", "b"), " ");
        assert_eq!(spacing("", "好", "a"), " ");
        assert_eq!(spacing(" ", "", "b"), "");
    }
}
