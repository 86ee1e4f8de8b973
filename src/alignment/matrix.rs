//! The attention of one sentence pair as a dense matrix, and its way from pieces to words.

use thiserror::Error;

/// What is wrong with the parts of an [`AttentionMatrix`].
#[derive(Debug, Error, PartialEq)]
pub enum MatrixError {
    #[error("an attention matrix of {rows} rows and {columns} columns needs {} weights, found {found}", rows * columns)]
    Size { rows: usize, columns: usize, found: usize },
    #[error("attention weight at row {row}, column {column} is {value}; weights must be finite numbers")]
    NotFinite { row: usize, column: usize, value: f32 },
    #[error("row {row} of the attention matrix has {found} weights where row 0 has {expected}")]
    Ragged { row: usize, expected: usize, found: usize },
    #[error("only matrices of one shape can be averaged: the first is {}×{}, number {index} is {}×{}", expected.0, expected.1, found.0, found.1)]
    Shapes { index: usize, expected: (usize, usize), found: (usize, usize) },
    #[error("no attention matrix to average")]
    Nothing,
    #[error("the attention matrix has {expected} {axis}s, but {found} word indices were given for them")]
    Words { axis: &'static str, expected: usize, found: usize },
    #[error("{axis} {piece} belongs to word {word}, but the sentence has {count} words")]
    WordIndex { axis: &'static str, piece: usize, word: u32, count: usize },
}

/// Attention weights of one sentence pair.
///
/// Shape `[rows, columns]` = `[target tokens, source tokens]`, row-major; target tokens stand in the order produced. Where
/// ends of sentence take part they are the last row and the last column. Every weight is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMatrix {
    rows: usize,
    columns: usize,
    weights: Vec<f32>,
}

/// What to do with pieces that belong to no word, that is, with the end of sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndOfSentence {
    /// Leave their rows and columns out. Rows then sum to less than one; nothing is renormalised.
    #[default]
    Drop,
    /// Keep them as one last row and one last column.
    Keep,
}

/// The word every token of one side belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    of_piece: &'a [Option<u32>],
    count: usize,
}

impl<'a> Words<'a> {
    /// `of_piece[i]` is the word of token `i`, `None` for end of sentence; there are as many words as the largest index says.
    pub fn new(of_piece: &'a [Option<u32>]) -> Self {
        let count = of_piece.iter().flatten().max().map_or(0, |&last| last as usize + 1);
        Self { of_piece, count }
    }

    /// As [`Words::new`] for a sentence of `count` words, of which some may have no piece at all.
    pub fn of_sentence(of_piece: &'a [Option<u32>], count: usize) -> Self {
        Self { of_piece, count }
    }

    /// Number of words in the sentence.
    pub fn count(&self) -> usize {
        self.count
    }

    /// For every token its place on the merged axis: the word, `count` for a kept end of sentence, `None` for a dropped one.
    fn places(&self, axis: &'static str, tokens: usize, end: EndOfSentence) -> Result<Vec<Option<usize>>, MatrixError> {
        if self.of_piece.len() != tokens {
            return Err(MatrixError::Words { axis, expected: tokens, found: self.of_piece.len() });
        }
        let place = |(piece, word): (usize, &Option<u32>)| match *word {
            Some(word) if word as usize >= self.count => Err(MatrixError::WordIndex { axis, piece, word, count: self.count }),
            Some(word) => Ok(Some(word as usize)),
            None => Ok((end == EndOfSentence::Keep).then_some(self.count)),
        };
        self.of_piece.iter().enumerate().map(place).collect()
    }

    fn places_count(&self, end: EndOfSentence) -> usize {
        self.count + usize::from(end == EndOfSentence::Keep)
    }
}

impl AttentionMatrix {
    /// A matrix from row-major weights; refuses a wrong number of weights and numbers that are not finite.
    pub fn new(rows: usize, columns: usize, weights: Vec<f32>) -> Result<Self, MatrixError> {
        if weights.len() != rows * columns {
            return Err(MatrixError::Size { rows, columns, found: weights.len() });
        }
        if let Some(at) = weights.iter().position(|weight| !weight.is_finite()) {
            return Err(MatrixError::NotFinite { row: at / columns, column: at % columns, value: weights[at] });
        }
        Ok(Self { rows, columns, weights })
    }

    /// A matrix from one vector a row; without rows it is 0×0.
    pub fn from_rows<R: AsRef<[f32]>>(rows: &[R]) -> Result<Self, MatrixError> {
        let columns = rows.first().map_or(0, |row| row.as_ref().len());
        let mut weights = Vec::with_capacity(rows.len() * columns);
        for (row, values) in rows.iter().map(AsRef::as_ref).enumerate() {
            if values.len() != columns {
                return Err(MatrixError::Ragged { row, expected: columns, found: values.len() });
            }
            weights.extend_from_slice(values);
        }
        Self::new(rows.len(), columns, weights)
    }

    /// The mean of several matrices of one shape: over heads, layers or models.
    pub fn average(matrices: &[AttentionMatrix]) -> Result<Self, MatrixError> {
        let first = matrices.first().ok_or(MatrixError::Nothing)?;
        let expected = (first.rows, first.columns);
        let mut weights = vec![0.0; first.weights.len()];
        for (index, matrix) in matrices.iter().enumerate() {
            let found = (matrix.rows, matrix.columns);
            if found != expected {
                return Err(MatrixError::Shapes { index, expected, found });
            }
            for (sum, weight) in weights.iter_mut().zip(&matrix.weights) {
                *sum += weight / matrices.len() as f32;
            }
        }
        Ok(Self { rows: first.rows, columns: first.columns, weights })
    }

    /// Number of target tokens.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of source tokens.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All weights, row-major.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The weights of one target token; panics where `row` is out of bounds, as a slice does.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.weights[row * self.columns..(row + 1) * self.columns]
    }

    /// Rows in order. A matrix without columns has empty rows.
    pub fn iter_rows(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.rows).map(|row| self.row(row))
    }

    /// Target tokens as columns, source tokens as rows: to draw or compare the other direction.
    pub fn transposed(&self) -> Self {
        let weights =
            (0..self.columns).flat_map(|column| (0..self.rows).map(move |row| self.weights[row * self.columns + column]));
        Self { rows: self.columns, columns: self.rows, weights: weights.collect() }
    }

    /// From tokens to words: **sum** over the pieces of a source word (the word receives all that its pieces receive), **mean**
    /// over the pieces of a target word (they vote).
    ///
    /// With [`EndOfSentence::Keep`] the result is `[target words + 1, source words + 1]` and rows keep their sums. With
    /// [`EndOfSentence::Drop`] it is `[target words, source words]`, and a row sums to one less what went to the source's end:
    /// that mass is information, so it isn't shared out among the words. A word without pieces has zeros.
    pub fn to_words(&self, source: Words, target: Words, end: EndOfSentence) -> Result<Self, MatrixError> {
        let column_of = source.places("column", self.columns, end)?;
        let row_of = target.places("row", self.rows, end)?;
        let (rows, columns) = (target.places_count(end), source.places_count(end));
        let mut pieces = vec![0_u32; rows];
        row_of.iter().flatten().for_each(|&row| pieces[row] += 1);
        let mut weights = vec![0.0; rows * columns];
        for (row, values) in row_of.iter().zip(self.iter_rows()) {
            let Some(row) = *row else { continue };
            for (column, weight) in column_of.iter().zip(values) {
                if let Some(column) = *column {
                    weights[row * columns + column] += weight / pieces[row] as f32;
                }
            }
        }
        Ok(Self { rows, columns, weights })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_values_are_checked() {
        assert_eq!(AttentionMatrix::new(2, 2, vec![0.0; 3]), Err(MatrixError::Size { rows: 2, columns: 2, found: 3 }));
        let error = AttentionMatrix::new(2, 2, vec![0.0, 0.0, 0.0, f32::NAN]).unwrap_err();
        assert!(error.to_string().contains("row 1, column 1 is NaN"), "{error}");
        assert_eq!(
            AttentionMatrix::from_rows(&[vec![1.0, 0.0], vec![1.0]]),
            Err(MatrixError::Ragged { row: 1, expected: 2, found: 1 })
        );
        let matrix = AttentionMatrix::from_rows(&[[0.5, 0.5]]).unwrap();
        let other = AttentionMatrix::from_rows(&[[1.0]]).unwrap();
        assert_eq!(
            AttentionMatrix::average(&[matrix.clone(), other]),
            Err(MatrixError::Shapes { index: 1, expected: (1, 2), found: (1, 1) })
        );
        assert_eq!(AttentionMatrix::average(&[]), Err(MatrixError::Nothing));
        let words = [Some(0), Some(7)];
        let target = [Some(0)];
        let error = matrix.to_words(Words::of_sentence(&words, 2), Words::new(&target), EndOfSentence::Drop).unwrap_err();
        assert_eq!(error, MatrixError::WordIndex { axis: "column", piece: 1, word: 7, count: 2 });
        let error = matrix.to_words(Words::new(&target), Words::new(&target), EndOfSentence::Drop).unwrap_err();
        assert_eq!(error, MatrixError::Words { axis: "column", expected: 2, found: 1 });
    }

    #[test]
    fn merging_sums_over_source_and_averages_over_target() {
        // Source "wind|mill s EOS" (2 words), target "mou|lin EOS" (1 word); worked by hand.
        let matrix =
            AttentionMatrix::from_rows(&[[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.5, 0.0], [0.0, 0.0, 0.25, 0.75]]).unwrap();
        let (source, target) = ([Some(0), Some(0), Some(1), None], [Some(0), Some(0), None]);
        let (source, target) = (Words::new(&source), Words::new(&target));
        let dropped = matrix.to_words(source, target, EndOfSentence::Drop).unwrap();
        assert_eq!(dropped, AttentionMatrix::from_rows(&[[0.625, 0.3125]]).unwrap());
        let kept = matrix.to_words(source, target, EndOfSentence::Keep).unwrap();
        assert_eq!(kept, AttentionMatrix::from_rows(&[[0.625, 0.3125, 0.0625], [0.0, 0.25, 0.75]]).unwrap());
    }

    #[test]
    fn a_word_without_pieces_has_zeros() {
        let matrix = AttentionMatrix::from_rows(&[[0.75, 0.25]]).unwrap();
        let merged = matrix
            .to_words(Words::of_sentence(&[Some(0), Some(2)], 3), Words::of_sentence(&[Some(1)], 2), EndOfSentence::Drop)
            .unwrap();
        assert_eq!(merged, AttentionMatrix::from_rows(&[[0.0; 3], [0.75, 0.0, 0.25]]).unwrap());
    }

    /// A matrix with rows that sum to one, and an end of sentence last on each side.
    fn case() -> impl Strategy<Value = (AttentionMatrix, Vec<Option<u32>>, Vec<Option<u32>>)> {
        let side = prop::collection::vec(any::<bool>(), 1..8).prop_map(|starts| {
            let mut word = 0;
            let grow = |(i, start): (usize, bool)| {
                word += u32::from(i > 0 && start);
                Some(word)
            };
            let mut words: Vec<_> = starts.into_iter().enumerate().map(grow).collect();
            words.push(None);
            words
        });
        (side.clone(), side).prop_flat_map(|(source, target)| {
            let (rows, columns) = (target.len(), source.len());
            let weights = prop::collection::vec(0.01_f32..1.0, rows * columns).prop_map(move |mut weights| {
                for row in weights.chunks_mut(columns) {
                    let sum: f32 = row.iter().sum();
                    row.iter_mut().for_each(|weight| *weight /= sum);
                }
                AttentionMatrix::new(rows, columns, weights).unwrap()
            });
            (weights, Just(source), Just(target))
        })
    }

    proptest! {
        #[test]
        fn merging_keeps_the_mass_of_rows((matrix, source, target) in case()) {
            let (source, target) = (Words::new(&source), Words::new(&target));
            let kept = matrix.to_words(source, target, EndOfSentence::Keep).unwrap();
            prop_assert_eq!((kept.rows(), kept.columns()), (target.count() + 1, source.count() + 1));
            for row in kept.iter_rows() {
                prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
            // What a dropped end took away is exactly what is missing.
            let dropped = matrix.to_words(source, target, EndOfSentence::Drop).unwrap();
            for (dropped, kept) in dropped.iter_rows().zip(kept.iter_rows()) {
                prop_assert_eq!(dropped, &kept[..source.count()]);
            }
        }

        #[test]
        fn transposing_twice_is_nothing((matrix, _, _) in case()) {
            let transposed = matrix.transposed();
            prop_assert_eq!(transposed.row(0)[matrix.rows() - 1], matrix.row(matrix.rows() - 1)[0]);
            prop_assert_eq!(transposed.transposed(), matrix);
        }

        #[test]
        fn the_average_of_equals_is_itself((matrix, _, _) in case()) {
            let average = AttentionMatrix::average(&[matrix.clone(), matrix.clone()]).unwrap();
            prop_assert_eq!(average, matrix);
        }
    }
}
