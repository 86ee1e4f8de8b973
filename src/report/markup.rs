//! What the writers of SVG share.

/// Families that come with the common systems.
pub const FAMILIES: &str =
    "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
/// Height of letters.
pub const SIZE: f64 = 13.0;
pub const INK: &str = "#1f2937";

/// The beginning of a document of this size with this name, on a white ground; `styles` beside those of texts.
pub fn open(width: f64, height: f64, name: &str, styles: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\">\n<title>{}</title>\n<style>\
         text{{font:{SIZE}px {FAMILIES};fill:{INK}}}.t{{font-weight:600}}{styles}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escape(name)
    )
}

/// A line of text, its middle at this height; `anchor` is `start`, `middle` or `end`.
pub fn text(x: f64, y: f64, anchor: &str, class: &str, content: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<text x=\"{x}\" y=\"{y}\" dy=\".35em\" text-anchor=\"{anchor}\"{class}>{}</text>\n", escape(content))
}

/// Width that a text takes at most, as a guess: the reader's font is unknown.
pub fn width(text: &str) -> f64 {
    unicode_width::UnicodeWidthStr::width(text) as f64 * SIZE * 0.58
}

/// What XML has no place for, or means something by, becomes something else.
pub fn escape(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\t' | '\r' => ' ',
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    let shown: String = text.chars().map(shown).collect();
    shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
