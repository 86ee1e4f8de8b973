//! From ids back to text, with the place in the text that every piece fills.

use super::encoding::byte_of;
use super::pipeline::MARK;
use super::special;
use super::tokenizer::Tokenizer;
use super::words::{PieceWords, words};

/// Text before spaces at its ends are stripped.
#[derive(Default)]
struct Rendered {
    /// Whether bytes that are no UTF-8 spoil only themselves, as in SentencePiece, or all bytes beside them, as in `tokenizers`.
    salvage: bool,
    text: String,
    /// For each id the bytes of `text` it stands for.
    spans: Vec<(usize, usize)>,
    /// Byte pieces that follow each other, as places in `spans` and bytes: only together can they be read.
    bytes: Vec<(usize, u8)>,
}

impl Rendered {
    fn push(&mut self, place: usize, text: &str) {
        self.read_bytes();
        let start = self.text.len();
        self.text.push_str(text);
        self.spans[place] = (start, self.text.len());
    }

    fn read_bytes(&mut self) {
        let (places, bytes): (Vec<usize>, Vec<u8>) = self.bytes.drain(..).unzip();
        if self.salvage {
            let mut at = 0;
            while at < bytes.len() {
                let character = (1..=4).find_map(|length| std::str::from_utf8(bytes.get(at..at + length)?).ok());
                let text = character.unwrap_or(REPLACEMENT);
                let length = character.map_or(1, str::len);
                self.push_shared(&places[at..at + length], text);
                at += length;
            }
        } else if let Ok(characters) = std::str::from_utf8(&bytes) {
            for (at, character) in characters.char_indices() {
                let end = at + character.len_utf8();
                self.push_shared(&places[at..end], &characters[at..end]);
            }
        } else {
            for place in places {
                self.push_shared(&[place], REPLACEMENT);
            }
        }
    }

    fn push_shared(&mut self, places: &[usize], text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        for &place in places {
            self.spans[place] = (start, self.text.len());
        }
    }
}

/// U+FFFD.
const REPLACEMENT: &str = "\u{fffd}";

/// Text of ids, and which bytes of it each of them stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub text: String,
    /// For each id its bytes in `text`: none of a special token, an empty range where its space was stripped.
    spans: Vec<Option<(usize, usize)>>,
}

impl Decoded {
    /// The words of the text, and for each id the word it is part of: none for special tokens and lone spaces. The mark of a space belongs to
    /// the word that it begins.
    pub fn words(&self) -> PieceWords {
        let found = words(&self.text);
        let word_of = |&span: &Option<(usize, usize)>| {
            let (start, end) = span?;
            let visible = self.text[start..end].find(|character: char| !character.is_whitespace());
            let at = start + visible.unwrap_or(end - start);
            let index = found.partition_point(|&(_, word_end)| word_end <= at);
            found.get(index).is_some_and(|&(word_start, _)| word_start <= at).then_some(index as u32)
        };
        PieceWords {
            of_pieces: self.spans.iter().map(word_of).collect(),
            words: found.iter().map(|&(start, end)| self.text[start..end].to_owned()).collect(),
        }
    }
}

impl Tokenizer {
    /// The text of the ids. Special tokens, unknown ones included, and ids outside the vocabulary leave no trace. Byte pieces that are no
    /// UTF-8 together become one U+FFFD each. Of a SentencePiece model's text no space is kept at either end.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.decode_replacing(ids, |_| None).text
    }

    /// [`Self::decode`] with a text for unknown tokens: `replacement` is given the index of each among `ids`, and none leaves it out.
    ///
    /// A piece says itself whether a space precedes it, an unknown token cannot. On the word level one is put there, except at the start
    /// and after what attaches to the right: an elided word (`l'`), an opening bracket or quote, and a hyphen or slash that is itself
    /// attached to what precedes it. The other kinds keep spaces apart from unknown characters, and none is needed.
    pub fn decode_replacing(&self, ids: &[u32], replacement: impl FnMut(usize) -> Option<String>) -> Decoded {
        let Rendered { text, spans, .. } = self.render(ids, replacement);
        let kept = if self.sentencepiece().is_some() { text.trim_matches(' ') } else { text.strip_prefix(' ').unwrap_or(&text) };
        let start = kept.as_ptr() as usize - text.as_ptr() as usize;
        let within = |at: usize| at.clamp(start, start + kept.len()) - start;
        let spans = spans.into_iter().map(|(from, to)| (from < to).then(|| (within(from), within(to)))).collect();
        Decoded { spans, text: kept.to_owned() }
    }

    fn render(&self, ids: &[u32], mut replacement: impl FnMut(usize) -> Option<String>) -> Rendered {
        let salvage = self.sentencepiece().is_some();
        let mut rendered = Rendered { salvage, spans: vec![(0, 0); ids.len()], ..Rendered::default() };
        let mut previous = "";
        for (place, &id) in ids.iter().enumerate() {
            if id == special::UNK {
                if let Some(text) = replacement(place) {
                    let space = self.single_symbols() && !attaches_right(previous);
                    rendered.push(place, &if space { format!(" {text}") } else { text });
                    previous = "";
                }
            } else if id as usize >= special::SPELLINGS.len() && (id as usize) < self.size() {
                previous = self.piece(id);
                match byte_of(previous) {
                    Some(byte) => rendered.bytes.push((place, byte)),
                    None => rendered.push(place, &previous.replace(MARK, " ")),
                }
            }
        }
        rendered.read_bytes();
        rendered
    }
}

/// Whether what follows the piece, its own mark unknown, stands right after it.
fn attaches_right(piece: &str) -> bool {
    let mut characters = piece.chars().rev();
    match characters.next() {
        Some('\'' | '’') => characters.next().is_some_and(char::is_alphabetic),
        Some('(' | '[' | '{' | '“' | '‘' | '¿' | '¡') => true,
        Some('-' | '/') => characters.next().is_none(),
        _ => false,
    }
}
