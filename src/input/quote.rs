//! Names and texts from files, as messages show them.

use crate::runtime::shortened;

/// Most characters of what is quoted, and of a problem in a list.
const LONGEST_QUOTE: usize = 80;
const LONGEST_PROBLEM: usize = 400;
/// Most problems that are listed.
const MOST_PROBLEMS: usize = 50;

/// A text from a file between quotation marks: control characters escaped, so that none reaches a terminal, and the middle of a long one left
/// out.
pub fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text, LONGEST_QUOTE))
}

/// Problems under each other, each after a line break and two spaces: the first fifty and how many more there are. Control characters in
/// them are escaped and long ones shortened.
pub fn listed(problems: &[String]) -> String {
    let shown = problems.iter().take(MOST_PROBLEMS).map(|problem| format!("\n  {}", plain(problem)));
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    let more = (more > 0).then(|| format!("\n  and {more} more"));
    shown.chain(more).collect()
}

/// A text from a file without quotation marks: control characters escaped, and the middle of a long one left out.
pub fn plain(text: &str) -> String {
    let shown = shortened(text, LONGEST_PROBLEM);
    shown.chars().flat_map(|one| if one.is_control() { one.escape_debug().collect() } else { vec![one] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_short_and_plain() {
        assert_eq!(quoted("weight"), "\"weight\"");
        assert_eq!(quoted("\u{1b}[31mred\nline\u{7}"), r#""\u{1b}[31mred\nline\u{7}""#);
        let long = quoted(&format!("start{}end", "x".repeat(4 << 20)));
        assert!(long.starts_with("\"startx") && long.ends_with("xend\"") && long.chars().count() < 90, "{long}");
        assert_eq!(quoted(&"é".repeat(80)), format!("{:?}", "é".repeat(80)));
    }

    #[test]
    fn lists_end() {
        assert_eq!(listed(&["one".into(), "two\u{1b}[2J".into()]), "\n  one\n  two\\u{1b}[2J");
        let many: Vec<String> = (0..5000).map(|number| format!("{number}: {}", "long ".repeat(500))).collect();
        let list = listed(&many);
        assert!(list.ends_with("\n  and 4950 more") && list.lines().count() == 52 && list.len() < 50 * 420, "{list}");
    }
}
