//! How right an answer is: exact match and F1 over words, as SQuAD scores them (Rajpurkar et al. 2016, section 6.1).

/// Words that do not count.
const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// Words in lower case, without punctuation and articles.
fn counted(text: &str) -> Vec<String> {
    let bare: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    bare.split_whitespace().filter(|word| !ARTICLES.contains(word)).map(str::to_owned).collect()
}

/// Whether both say the same words in the same order.
pub fn exact_match(found: &str, right: &str) -> bool {
    counted(found) == counted(right)
}

/// Harmonic mean of the share of found words that are right and that of right words that are found, each word as often as it stands there; 0 to 1.
pub fn f1(found: &str, right: &str) -> f64 {
    let (found, right) = (counted(found), counted(right));
    let mut left = right.clone();
    let mut both = 0;
    for word in &found {
        if let Some(place) = left.iter().position(|other| other == word) {
            left.swap_remove(place);
            both += 1;
        }
    }
    // 2PR / (P + R) with P = both / found and R = both / right.
    if both == 0 { 0.0 } else { 2.0 * f64::from(both) / (found.len() + right.len()) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand from the definition: precision, recall, and their harmonic mean.
    #[test]
    fn scores_are_those_of_the_definition() {
        for (found, right, exact, precision, recall) in [
            ("the old mill", "old mill", true, 1.0, 1.0),
            ("An Old Mill!", "the old mill.", true, 1.0, 1.0),
            ("the old mill", "the new mill", false, 0.5, 0.5),
            ("mill", "the old mill by the river", false, 1.0, 0.25),
            ("on Monday morning at the mill", "Monday morning", false, 2.0 / 5.0, 1.0),
            ("mill mill mill", "mill river", false, 1.0 / 3.0, 0.5),
            ("mill old", "old mill", false, 1.0, 1.0),
            ("harbour", "mill", false, 0.0, 0.0),
            ("", "mill", false, 0.0, 0.0),
            ("the", "mill", false, 0.0, 0.0),
        ] {
            let mean: f64 = if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
            assert_eq!(exact_match(found, right), exact, "{found:?} {right:?}");
            assert!((f1(found, right) - mean).abs() < 1e-12, "{found:?} {right:?}: {} {mean}", f1(found, right));
        }
    }
}
