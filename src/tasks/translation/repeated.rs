//! Which words that the target's vocabulary lacks a translation repeats from its source: what a model that copies learns from.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::links::{EncodedLine, TeacherLinks};
use crate::checkpoint::Tokenizers;
use crate::corpus::ParallelText;
use crate::text::special::UNK;
use crate::translator::SourceEncoder;

/// Pieces of the training pairs that the target's vocabulary lacks and both sides spell the same way.
pub struct Repeated(TeacherLinks);

impl Repeated {
    /// `lines` are the pairs of `text` that training uses, by line counted from 1, ascending.
    pub fn read(
        text: &ParallelText,
        sources: &SourceEncoder,
        tokenizers: &Tokenizers,
        lines: impl Iterator<Item = usize>,
    ) -> Result<Self> {
        let mut lines = lines.peekable();
        let used = (1..).zip(text.pairs()?).filter_map(|(number, pair)| match pair {
            Ok((source, target)) => lines.next_if_eq(&number).map(|_| Ok((source, target, ()))),
            Err(error) => Some(Err(error)),
        });
        let find = |source: EncodedLine, target: EncodedLine, (): &()| places(source, target, |id| tokenizers.same(id));
        Ok(Repeated(TeacherLinks::read(used, sources, tokenizers.target(), find)?))
    }

    /// For the real rows of a batch of pairs, `steps` to a pair, the places of the source whose unknown word they repeat [N, S].
    pub fn of(&self, batch: &[usize], real: &Tensor, [steps, positions]: [i64; 2]) -> Tensor {
        let places = batch.iter().zip(0..).flat_map(|(&pair, row)| {
            self.0.of(pair).iter().map(move |&(target, source)| (row * steps + i64::from(target)) * positions + i64::from(source))
        });
        let places = Tensor::from_slice(&places.collect::<Vec<i64>>()).to_device(real.device());
        let all = Tensor::zeros([batch.len() as i64 * steps * positions], (Kind::Bool, real.device()));
        let _ = all.shallow_clone().index_fill_(0, &places, 1);
        all.view([-1, positions]).index_select(0, real)
    }
}

/// (target piece, source piece) of unknown words spelled the same way; `same` gives the target's id for one of the source.
fn places(source: EncodedLine, target: EncodedLine, same: impl Fn(u32) -> u32) -> Vec<(u32, u32)> {
    let unknown = |(line, encoding): EncodedLine, same: &dyn Fn(u32) -> u32| {
        let pieces = encoding.ids.iter().zip(&encoding.spans).enumerate().skip(encoding.prefix);
        let unknown = pieces.filter(|(_, (id, _))| same(**id) == UNK);
        unknown.map(|(place, (_, &(start, end)))| (place as u32, line[start..end].to_owned())).collect::<Vec<_>>()
    };
    let (sources, targets) = (unknown(source, &same), unknown(target, &|id| id));
    let matching = |(place, word): &(u32, String)| {
        let same = sources.iter().filter(|(_, other)| other == word);
        same.map(|(source, _)| (*place, *source)).collect::<Vec<_>>()
    };
    targets.iter().flat_map(matching).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Encoding;

    #[test]
    fn unknown_words_are_matched_by_spelling() {
        let encoding = |line: &str, unknown: &[&str]| {
            let words: Vec<&str> = line.split(' ').collect();
            let starts = words.iter().scan(0, |next, word| {
                let start = *next;
                *next += word.len() + 1;
                Some((start, start + word.len()))
            });
            let ids = words.iter().map(|word| if unknown.contains(word) { UNK } else { 9 }).collect();
            Encoding { ids, words: (0..words.len() as u32).collect(), spans: starts.collect(), prefix: 0 }
        };
        let (source, target) = ("Ann saw Bo and Ann", "Bo Ann vu Cy");
        let unknown = ["Ann", "Bo", "Cy"];
        let mut read = encoding(source, &unknown);
        // Id 8 is a word that the source's vocabulary has and the target's has not.
        let same = |id| if id == 8 { UNK } else { id };
        read.ids[2] = 8;
        let found = places((source, &read), (target, &encoding(target, &unknown)), same);
        assert_eq!(found, [(0, 2), (1, 0), (1, 4)]);
        read.prepend(UNK);
        assert_eq!(
            places((source, &read), (target, &encoding(target, &unknown)), same),
            [(0, 3), (1, 1), (1, 5)],
            "a tag is no word"
        );
        let mut links = TeacherLinks::default();
        links.push(found);
        links.push([]);
        let repeated = Repeated(links);
        // The second pair has none and comes first; rows of T 3 and 4 steps, S 5 of which each pair may have fewer.
        let real = Tensor::from_slice(&[0i64, 1, 4, 5, 6, 7]);
        let rows = Vec::<Vec<bool>>::try_from(repeated.of(&[1, 0], &real, [4, 5])).unwrap();
        let row = |places: &[usize]| (0..5).map(|place| places.contains(&place)).collect::<Vec<_>>();
        assert_eq!(rows, [row(&[]), row(&[]), row(&[2]), row(&[0, 4]), row(&[]), row(&[])]);
        assert_eq!(repeated.of(&[1], &Tensor::from_slice(&[0i64]), [1, 5]).sum(Kind::Int64).int64_value(&[]), 0);
    }
}
