//! From normalised text to pieces, as SentencePiece does it. Sums are kept in single precision and over the whole line as there, so that
//! cuts of nearly the same probability are decided alike.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::messages::PieceType;
use super::normalise::Normaliser;
use super::proto::{ModelProto, ModelType};

/// By how much an unknown character is less probable than the least probable piece.
const UNKNOWN_PENALTY: f32 = 10.0;

/// Part of a text, in bytes, and the piece that it is; `None` where it is unknown.
pub type Cut = (usize, usize, Option<usize>);

/// What text is cut with.
pub struct PieceCutter {
    model_type: ModelType,
    scores: Vec<f32>,
    kinds: Vec<PieceType>,
    /// Pieces that stand in text, by spelling.
    by_text: HashMap<String, usize>,
    trie: Trie,
    lowest: f32,
    highest: f32,
}

impl PieceCutter {
    pub fn new(model: &ModelProto) -> Self {
        let in_text = |kind| matches!(kind, PieceType::Normal | PieceType::UserDefined | PieceType::Unused);
        let entries = model.pieces.iter().enumerate().filter(|(_, piece)| in_text(piece.kind));
        let by_text: HashMap<String, usize> = entries.map(|(index, piece)| (piece.text.clone(), index)).collect();
        let normal = || model.pieces.iter().filter(|piece| piece.kind == PieceType::Normal).map(|piece| piece.score);
        Self {
            model_type: model.model_type,
            scores: model.pieces.iter().map(|piece| piece.score).collect(),
            kinds: model.pieces.iter().map(|piece| piece.kind).collect(),
            trie: if model.model_type == ModelType::Unigram { Trie::new(&by_text) } else { Trie::default() },
            by_text,
            lowest: normal().fold(f32::MAX, f32::min),
            highest: normal().fold(f32::MIN_POSITIVE, f32::max),
        }
    }

    /// Cuts a normalised text. Unknown parts are single characters.
    pub fn cut(&self, text: &str, normaliser: &Normaliser) -> Vec<Cut> {
        match self.model_type {
            ModelType::Unigram => self.most_probable(text),
            ModelType::Bpe => self.merge(text, normaliser),
        }
    }

    /// The most probable pieces (Kudo, 2018, "Subword Regularization", section 3.2), by Viterbi's algorithm.
    fn most_probable(&self, text: &str) -> Vec<Cut> {
        #[derive(Clone, Copy, Default)]
        struct Best {
            score: f32,
            start: Option<usize>,
            piece: Option<usize>,
        }
        let mut ends = vec![Best::default(); text.len() + 1];
        for (start, character) in text.char_indices() {
            let before = ends[start].score;
            let mut consider = |end: usize, score: f64, piece: Option<usize>| {
                let best: &mut Best = &mut ends[end];
                if best.start.is_none() || score > f64::from(best.score) {
                    *best = Best { score: score as f32, start: Some(start), piece };
                }
            };
            let mut single = false;
            self.trie.prefixes(&text.as_bytes()[start..], |length, piece| {
                let score = match self.kinds[piece] {
                    PieceType::Unused => return,
                    // More than any other cut of the same text.
                    PieceType::UserDefined => f64::from(length as f32 * self.highest) - 0.1 + f64::from(before),
                    _ => f64::from(self.scores[piece]) + f64::from(before),
                };
                consider(start + length, score, Some(piece));
                single |= length == character.len_utf8();
            });
            if !single {
                let unknown = self.lowest - UNKNOWN_PENALTY + before;
                consider(start + character.len_utf8(), f64::from(unknown), None);
            }
        }
        let mut cuts = Vec::new();
        let mut end = text.len();
        while end > 0 {
            let best = ends[end];
            let start = best.start.expect("every character has a piece or is unknown");
            cuts.push((start, end, best.piece));
            end = start;
        }
        cuts.reverse();
        cuts
    }

    /// Merges neighbours, the best piece first and from the left (Sennrich et al. 2016), until no two of them make a piece.
    fn merge(&self, text: &str, normaliser: &Normaliser) -> Vec<Cut> {
        let mut symbols = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let whole = normaliser.user_defined(&text[at..]);
            let length = whole.unwrap_or_else(|| text[at..].chars().next().map_or(1, char::len_utf8));
            symbols.push(Symbol {
                start: at,
                end: at + length,
                previous: symbols.len().checked_sub(1),
                next: Some(symbols.len() + 1),
                frozen: whole.is_some(),
            });
            at += length;
        }
        if let Some(last) = symbols.last_mut() {
            last.next = None;
        }
        let mut agenda = BinaryHeap::new();
        // Pieces that are not used may still be a step towards larger ones; what remains of them is taken apart again.
        let mut parts: HashMap<&str, usize> = HashMap::new();
        let mut propose = |symbols: &[Symbol], agenda: &mut BinaryHeap<Pair>, left: Option<usize>, right: Option<usize>| {
            let (Some(left), Some(right)) = (left, right) else { return };
            let (one, two) = (&symbols[left], &symbols[right]);
            if one.frozen || two.frozen {
                return;
            }
            let merged = &text[one.start..two.end];
            if let Some(&piece) = self.by_text.get(merged) {
                agenda.push(Pair { score: self.scores[piece], left, right, length: merged.len() });
                if self.kinds[piece] == PieceType::Unused {
                    parts.insert(merged, one.end - one.start);
                }
            }
        };
        for right in 1..symbols.len() {
            propose(&symbols, &mut agenda, Some(right - 1), Some(right));
        }
        while let Some(Pair { left, right, length, .. }) = agenda.pop() {
            let size = |symbol: &Symbol| symbol.end - symbol.start;
            if size(&symbols[left]) == 0 || size(&symbols[right]) == 0 || size(&symbols[left]) + size(&symbols[right]) != length {
                continue;
            }
            symbols[left].end = symbols[right].end;
            symbols[left].next = symbols[right].next;
            symbols[right].end = symbols[right].start;
            if let Some(next) = symbols[left].next {
                symbols[next].previous = Some(left);
            }
            propose(&symbols, &mut agenda, symbols[left].previous, Some(left));
            propose(&symbols, &mut agenda, Some(left), symbols[left].next);
        }
        let mut cuts = Vec::new();
        let mut pending: Vec<(usize, usize)> =
            symbols.iter().filter(|symbol| symbol.start < symbol.end).map(|symbol| (symbol.start, symbol.end)).rev().collect();
        while let Some((start, end)) = pending.pop() {
            let piece = self.by_text.get(&text[start..end]).copied();
            match parts.get(&text[start..end]) {
                Some(&first) if piece.is_some_and(|piece| self.kinds[piece] == PieceType::Unused) => {
                    pending.extend([(start + first, end), (start, start + first)]);
                }
                _ => cuts.push((start, end, piece)),
            }
        }
        cuts
    }
}

/// Part of the text while it is merged; empty when it was merged into its left neighbour.
struct Symbol {
    start: usize,
    end: usize,
    previous: Option<usize>,
    next: Option<usize>,
    frozen: bool,
}

/// Two neighbours that make a piece of this length.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    length: usize,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}

/// Pieces by their bytes.
#[derive(Default)]
struct Trie {
    edges: HashMap<(u32, u8), u32>,
    /// The piece that ends at a node.
    pieces: Vec<Option<usize>>,
}

impl Trie {
    fn new(by_text: &HashMap<String, usize>) -> Self {
        let mut trie = Trie { edges: HashMap::new(), pieces: vec![None] };
        for (text, &piece) in by_text {
            let mut node = 0;
            for byte in text.bytes() {
                let fresh = trie.pieces.len() as u32;
                let next = *trie.edges.entry((node, byte)).or_insert(fresh);
                if next == fresh {
                    trie.pieces.push(None);
                }
                node = next;
            }
            trie.pieces[node as usize] = Some(piece);
        }
        trie
    }

    /// The pieces at the start of the bytes, shortest first, with their lengths.
    fn prefixes(&self, bytes: &[u8], mut visit: impl FnMut(usize, usize)) {
        let mut node = 0;
        for (index, &byte) in bytes.iter().enumerate() {
            let Some(&next) = self.edges.get(&(node, byte)) else { return };
            node = next;
            if let Some(piece) = self.pieces[node as usize] {
                visit(index + 1, piece);
            }
        }
    }
}
