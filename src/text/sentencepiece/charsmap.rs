//! Normalisation rules compiled as SentencePiece keeps them: a double array over bytes in the layout of Darts-clone (Aoe, 1989, "An
//! Efficient Digital Search Algorithm by Using a Double-Array Structure"), and the texts that its values point to.

use std::collections::{BTreeMap, HashSet};

/// Marks a place as a value, so that no byte leads there.
const VALUE: u32 = 1 << 31;
const HAS_VALUE: u32 = 1 << 8;
/// Offsets below this are kept as they are; larger ones as multiples of 256.
const SMALL: u32 = 1 << 21;

/// Rules of one's own: every white space is a space, a literal `▁` is an underscore, and on request everything is lower case.
pub fn rules(lowercase: bool) -> BTreeMap<String, String> {
    let mut rules = BTreeMap::from([("▁".to_owned(), "_".to_owned())]);
    for character in ('\0'..=char::MAX).filter(|&character| character != ' ') {
        let lower: String = character.to_lowercase().collect();
        if character.is_whitespace() {
            rules.insert(character.into(), " ".into());
        } else if lowercase && !lower.chars().eq([character]) {
            rules.insert(character.into(), lower);
        }
    }
    rules
}

/// `precompiled_charsmap` of rules whose left sides are not empty and hold no zero byte.
pub fn compile(rules: &BTreeMap<String, String>) -> Vec<u8> {
    let mut replacements = Vec::new();
    let mut keys: Vec<(&[u8], u32)> = Vec::new();
    for (from, to) in rules {
        keys.push((from.as_bytes(), replacements.len() as u32));
        replacements.extend(to.bytes().chain([0]));
    }
    let mut array = DoubleArray { units: vec![0], taken: vec![true], bases: HashSet::new(), free_from: 1 };
    array.place(0, &keys, 0);
    // Whole blocks of 256, as SentencePiece checks.
    array.units.resize(array.units.len().next_multiple_of(256), VALUE);
    let mut map = ((array.units.len() * 4) as u32).to_le_bytes().to_vec();
    map.extend(array.units.iter().flat_map(|unit| unit.to_le_bytes()));
    map.extend(replacements);
    map
}

struct DoubleArray {
    units: Vec<u32>,
    taken: Vec<bool>,
    /// Two nodes with one base would have each other's children.
    bases: HashSet<usize>,
    /// Every place before this is taken.
    free_from: usize,
}

impl DoubleArray {
    /// Puts the children of the node at `position`, which the keys (sorted) share `depth` bytes up to.
    fn place(&mut self, position: usize, keys: &[(&[u8], u32)], depth: usize) {
        // A key that ends here comes first and leads to a value by the byte 0.
        let label = |key: &[u8]| key.get(depth).copied().unwrap_or(0);
        let groups: Vec<&[(&[u8], u32)]> = keys.chunk_by(|a, b| a.0.len() > depth && label(a.0) == label(b.0)).collect();
        let labels: Vec<usize> = groups.iter().map(|group| usize::from(label(group[0].0))).collect();
        let base = self.free_base(position, &labels);
        self.bases.insert(base);
        let offset = (base ^ position) as u32;
        let kept = if offset < SMALL { offset << 10 } else { (offset >> 8) << 10 | 1 << 9 };
        let ends = keys[0].0.len() == depth;
        self.units[position] |= kept | if ends { HAS_VALUE } else { 0 };
        for &label in &labels {
            self.take(base ^ label);
        }
        for (group, &label) in groups.iter().zip(&labels) {
            let (key, value) = group[0];
            if key.len() == depth {
                self.units[base ^ label] = VALUE | value;
            } else {
                self.units[base ^ label] = label as u32;
                self.place(base ^ label, group, depth + 1);
            }
        }
    }

    /// The first base whose places for these labels are all free.
    fn free_base(&self, position: usize, labels: &[usize]) -> usize {
        (self.free_from..)
            .map(|place| place ^ labels[0])
            .find(|&base| {
                let offset = (base ^ position) as u32;
                let kept = offset < SMALL || offset & 0xff == 0;
                // The root is where the byte 0 leads from a base of 0.
                base != 0
                    && kept
                    && !self.bases.contains(&base)
                    && labels.iter().all(|label| !self.taken.get(base ^ label).copied().unwrap_or(false))
            })
            .expect("places go on")
    }

    fn take(&mut self, place: usize) {
        if place >= self.units.len() {
            // An unused place is a value nobody points to: no byte leads there.
            self.units.resize(place + 1, VALUE);
            self.taken.resize(place + 1, false);
        }
        self.taken[place] = true;
        while self.taken.get(self.free_from).copied().unwrap_or(false) {
            self.free_from += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::normalise::Normaliser;
    use super::super::proto::{ModelProto, ModelType};
    use super::*;
    use proptest::prelude::*;

    fn normaliser(rules: &BTreeMap<String, String>) -> Normaliser {
        let model = ModelProto {
            pieces: Vec::new(),
            model_type: ModelType::Unigram,
            byte_fallback: false,
            normaliser: String::new(),
            charsmap: compile(rules),
            add_dummy_prefix: false,
            remove_extra_whitespaces: false,
        };
        Normaliser::new(&model).unwrap()
    }

    /// The longest rule at each place, else one character.
    fn expected(rules: &BTreeMap<String, String>, mut text: &str) -> String {
        let mut found = String::new();
        while let Some(character) = text.chars().next() {
            let rule = rules.iter().filter(|rule| text.starts_with(rule.0.as_str())).max_by_key(|rule| rule.0.len());
            let (length, to) = rule.map_or((character.len_utf8(), character.to_string()), |(from, to)| (from.len(), to.clone()));
            found.push_str(&to);
            text = &text[length..];
        }
        found.replace(' ', "▁")
    }

    proptest! {
        #[test]
        fn compiled_rules_are_the_rules(
            rules in proptest::collection::btree_map("[abcé日\u{1}]{1,4}|[^\u{0}]", "[xyz ]{0,3}", 1..40),
            text in "([abcé日\u{0}\u{1}]|.){0,30}",
        ) {
            prop_assert_eq!(normaliser(&rules).normalise(&text).text, expected(&rules, &text));
        }
    }

    #[test]
    fn every_letter_and_space_has_its_rule() {
        let normaliser = normaliser(&rules(true));
        for character in '\0'..=char::MAX {
            let found = normaliser.normalise(&character.to_string()).text;
            let lower: String = character.to_lowercase().collect();
            let expected = match character {
                '▁' => "_",
                _ if character.is_whitespace() => "▁",
                _ => &lower,
            };
            assert_eq!(found, expected, "{character:?}");
        }
    }
}
