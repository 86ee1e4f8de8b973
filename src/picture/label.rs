//! Labels from any text: nothing that breaks a picture, a line or a reader's sense of direction.

use unicode_normalization::char::is_combining_mark;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The label with control characters made visible, so that one label is one line of text in its own place.
///
/// Control characters become their pictures (U+2400…); characters that turn the direction of what follows, line separators and
/// non-characters become U+FFFD; a mark at the start gets a dotted circle to stand on.
pub fn clean(label: &str) -> String {
    let visible = |character: char| match character {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + character as u32).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    let mut cleaned = String::with_capacity(label.len());
    if label.starts_with(is_combining_mark) {
        cleaned.push('\u{25cc}');
    }
    cleaned.extend(label.chars().map(visible));
    cleaned
}

/// The label if it is at most `width` terminal columns wide, else its beginning and `…`.
pub fn elide(label: &str, width: usize) -> String {
    if label.width() <= width {
        return label.to_owned();
    }
    let mut kept = String::new();
    for cluster in clusters(label) {
        if kept.width() + cluster.width() + 1 > width {
            break;
        }
        kept.push_str(cluster);
    }
    kept + "…"
}

/// Whether a character is drawn on the one before it: marks, the vowel signs of South Asia too, and what has no width.
pub fn is_mark(character: char) -> bool {
    is_combining_mark(character) || character.width().unwrap_or(0) == 0
}

/// What stands in one place: a character with the marks on it, or an emoji sequence.
pub fn clusters(label: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    let mut previous = None;
    for (at, character) in label.char_indices() {
        let modifies = is_mark(character) || ('\u{1f3fb}'..='\u{1f3ff}').contains(&character);
        if previous.is_none() || !(modifies || previous == Some(ZERO_WIDTH_JOINER)) {
            starts.push(at);
        }
        previous = Some(character);
    }
    let ends = starts.iter().skip(1).copied().chain([label.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &label[start..end]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_breaks_pictures_is_made_visible() {
        assert_eq!(clean("a\tb\n\0\u{7f}"), "a␉b␊␀␡");
        assert_eq!(clean("\u{202e}evil\u{2028}\u{ffff}"), "\u{fffd}evil\u{fffd}\u{fffd}");
        assert_eq!(clean("\u{301}"), "\u{25cc}\u{301}");
        assert_eq!(clean("سلام \u{200c}x"), "سلام \u{200c}x");
    }

    #[test]
    fn clusters_keep_marks_with_their_base() {
        assert_eq!(clusters("ae\u{301}好"), ["a", "e\u{301}", "好"]);
        assert_eq!(clusters("हिन्दी"), ["हि", "न्", "दी"]);
        assert_eq!(clusters("👩\u{200d}🌾👍🏽"), ["👩\u{200d}🌾", "👍🏽"]);
        assert!(clusters("").is_empty());
    }

    #[test]
    fn long_labels_end_in_dots() {
        assert_eq!(elide("short", 5), "short");
        assert_eq!(elide("longer", 5), "long…");
        assert_eq!(elide("翻訳装置", 6), "翻訳…");
        assert_eq!(elide("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }

    proptest! {
        #[test]
        fn elided_labels_fit(label in "\\PC{0,20}", width in 2_usize..12) {
            let label = clean(&label);
            prop_assert!(elide(&label, width).width() <= width);
            prop_assert_eq!(clusters(&label).concat(), label);
        }
    }
}
