use super::layout::Mark;
use super::*;
use crate::picture::{Anchor, LINE, Rgb, ink, width};

fn labels(count: usize, side: &str) -> Vec<String> {
    (0..count).map(|index| format!("{side}{index}")).collect()
}

fn heatmap(title: &str) -> Heatmap {
    let matrix = AttentionMatrix::new(2, 3, vec![0.5, 0.25, 0.25, 0.0, 0.0, 1.0]).unwrap();
    Heatmap::new(title, &labels(2, "row"), &labels(3, "column"), matrix).unwrap()
}

#[test]
fn what_does_not_fit_the_matrix_is_refused() {
    let matrix = heatmap("").matrix;
    let error = Heatmap::new("", &labels(3, "row"), &labels(2, "column"), matrix).unwrap_err().to_string();
    assert_eq!(error, "a heatmap of a 2×3 matrix needs as many row and column labels, found 3 and 2");
    // (2, 1) is the last column and row; (1, 2) would be a third row.
    assert!(heatmap("").with_links(Links::from(vec![(2, 1)])).is_ok());
    let error = heatmap("").with_gold(Links::from(vec![(1, 2)])).unwrap_err().to_string();
    assert_eq!(error, "the gold link 1-2 points outside a heatmap of 3 columns and 2 rows");
}

#[test]
fn grids_are_about_square_and_at_most_four_across() {
    let across = |count| Figure::new("", vec![heatmap(""); count]).across;
    assert_eq!([0, 1, 2, 4, 5, 8, 9, 10, 16, 48].map(across), [1, 1, 2, 2, 3, 3, 3, 4, 4, 4]);
    assert_eq!(Figure::new("", vec![heatmap("")]).across(0).across, 1);
}

#[test]
fn figures_grow_with_their_panels() {
    let size = |figure: &Figure| {
        let layout = layout::Layout::of(figure);
        (layout.width, layout.height)
    };
    let strip = |count: usize| Figure::new("", vec![heatmap(""); count]).across(count);
    let ((one_width, one_height), (three_width, three_height)) = (size(&strip(1)), size(&strip(3)));
    assert!(three_width > one_width);
    // Panels among others are drawn smaller than one alone.
    assert!(three_height <= one_height);
    let (_, pile_height) = size(&strip(3).across(1));
    assert!(pile_height > three_height);
}

#[test]
fn nothing_is_drawn_outside_the_picture() {
    let words: Vec<String> = ["a", "Rindfleischetikettierung", "器", "עולם"].map(str::to_owned).to_vec();
    let matrix = AttentionMatrix::new(4, 4, vec![0.25; 16]).unwrap();
    let panel = Heatmap::new("a title that is much wider than its four small cells are", &words, &words, matrix).unwrap();
    for figure in [panel.clone().into(), Figure::new("all", vec![panel.clone(), heatmap(""), panel, heatmap("b")])] {
        let layout = layout::Layout::of(&figure);
        let inside = |x: f64, y: f64| (0.0..=layout.width).contains(&x) && (0.0..=layout.height).contains(&y);
        for mark in &layout.marks {
            let fits = match mark {
                Mark::Cell { x, y, width, height, .. } => inside(*x, *y) && inside(x + width, y + height),
                Mark::Frame { x, y, size, .. } => inside(*x, *y) && inside(x + size, y + size),
                Mark::Dot { x, y, radius, .. } => inside(x - radius, y - radius) && inside(x + radius, y + radius),
                Mark::Text { x, y, anchor, rising, text, .. } => {
                    let width = width(text);
                    let (left, right, rise) = match (rising, anchor) {
                        (true, _) => (*x, x + width * 0.7, width * 0.7),
                        (false, Anchor::Start) => (*x, x + width, 0.0),
                        (false, Anchor::Middle) => (x - width / 2.0, x + width / 2.0, 0.0),
                        (false, Anchor::End) => (x - width, *x, 0.0),
                    };
                    inside(left, y - rise - LINE / 2.0) && inside(right, y + LINE / 2.0)
                }
            };
            assert!(fits, "{mark:?} in {}×{}", layout.width, layout.height);
        }
    }
}

/// Sentences of many words, in scripts of different heights.
const SCRIPTS: [&[&str]; 5] = [
    &["Ängste", "gypsy", "ÅÇÑ", "Whisky", "(jagged)"],
    &["में", "कुर्सी", "हिन्दी", "स्त्री", "औरतें"],
    &["翻訳", "図書館", "日本", "語", "漢字"],
    &["ที่", "ภาษาไทย", "กู้", "น้ำ", "ญี่ปุ่น"],
    &["السلام", "عليكم", "إِنَّ", "أمّ", "ترجمة"],
];

fn long_sentence(words: &[&str]) -> Heatmap {
    let words: Vec<String> = (0..61).map(|number| words[number % words.len()].to_owned()).collect();
    let weights = (0..61 * 61).map(|index| (index % 7) as f32 / 6.0).collect();
    Heatmap::new("", &words, &words, AttentionMatrix::new(61, 61, weights).unwrap()).unwrap()
}

#[test]
fn labels_of_long_sentences_keep_apart() {
    for words in SCRIPTS {
        let layout = layout::Layout::of(&long_sentence(words).into());
        let texts = |slanted: bool| {
            let texts = layout.marks.iter().filter_map(move |mark| match mark {
                Mark::Text { x, y, rising, text, anchor, .. } if *rising == slanted && (slanted || *anchor == Anchor::End) => {
                    Some((*x, *y, text.clone()))
                }
                _ => None,
            });
            texts.collect::<Vec<_>>()
        };
        let (rows, columns) = (texts(false), texts(true));
        assert_eq!((rows.len(), columns.len()), (61, 61), "{words:?}");
        for pair in rows.windows(2) {
            let room = pair[1].1 - pair[0].1 - ink(&pair[0].2).1 - ink(&pair[1].2).0;
            assert!(room >= 0.0, "{room} between rows {pair:?}");
        }
        for pair in columns.windows(2) {
            // The lower line of the slanted text at the left is to the right of it.
            let room = (pair[1].0 - pair[0].0) * std::f64::consts::FRAC_1_SQRT_2 - ink(&pair[0].2).1 - ink(&pair[1].2).0;
            assert!(room >= 0.0, "{room} between columns {pair:?}");
        }
    }
}

/// Width, height and pixels.
fn decode(image: &[u8]) -> (usize, usize, Vec<Rgb>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(image)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((frame.color_type, frame.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
    (frame.width as usize, frame.height as usize, bytes.as_chunks::<3>().0.to_vec())
}

#[test]
fn cells_have_the_colours_of_their_weights() {
    let map = long_sentence(SCRIPTS[0]);
    let layout = layout::Layout::of(&map.clone().into());
    for scale in [1, 2, 3] {
        let (width, height, pixels) = decode(&map.drawing().png(scale).unwrap());
        assert_eq!((width, height), (layout.width as usize * scale as usize, layout.height as usize * scale as usize));
        let cells = layout.marks.iter().filter_map(|mark| match mark {
            Mark::Cell { x, y, width, height, tip: Some(_), .. } => Some((x + width / 2.0, y + height / 2.0)),
            _ => None,
        });
        let mut weights = map.matrix.iter_rows().flatten();
        let mut seen = 0;
        for (x, y) in cells {
            let at = |units: f64| (units * f64::from(scale)) as usize;
            let weight = *weights.next().unwrap();
            assert_eq!(pixels[at(y) * width + at(x)], colour::of_weight(weight), "at ({x}, {y})");
            seen += 1;
        }
        assert_eq!(seen, 61 * 61);
    }
}

#[test]
fn marks_are_painted_over_their_cells() {
    let bare = heatmap("");
    let pixels = |map: &Heatmap| decode(&map.drawing().png(2).unwrap()).2;
    let links = Links::from(vec![(2, 1)]);
    let gold = |map: &Heatmap| pixels(map).iter().filter(|pixel| **pixel == colour::GOLD).count();
    assert_eq!(gold(&bare), 0);
    assert!(gold(&bare.clone().with_gold(links.clone()).unwrap()) > 200);
    let dark = |map: &Heatmap| pixels(map).iter().filter(|pixel| **pixel == colour::of_weight(1.0)).count();
    // A disc of radius 4.5 units covers about 250 pixels at scale 2.
    let covered = dark(&bare) - dark(&bare.clone().with_links(links).unwrap());
    assert!((220..300).contains(&covered), "{covered}");
}

#[test]
fn a_figure_too_large_to_look_at_is_an_error() {
    let words = vec!["w".to_owned(); 600];
    let matrix = AttentionMatrix::new(600, 600, vec![0.0; 360_000]).unwrap();
    let error = Heatmap::new("", &words, &words, matrix).unwrap().drawing().png(2).unwrap_err();
    assert!(error.to_string().contains("too large for one image"), "{error}");
}

#[test]
fn empty_figures_are_pictures_too() {
    let empty = AttentionMatrix::new(0, 0, Vec::new()).unwrap();
    for figure in [Figure::new("", Vec::new()), Heatmap::new("", &[], &[], empty).unwrap().into()] {
        assert!(roxmltree::Document::parse(&figure.drawing().svg()).is_ok());
        assert!(figure.drawing().png(1).unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn terminals_show_one_panel_below_the_other() {
    let text = Figure::new("all", vec![heatmap("one"), heatmap("two")]).terminal(TerminalColour::None);
    let titles: Vec<_> = text.lines().filter(|line| ["all", "one", "two"].contains(line)).collect();
    assert_eq!(titles, ["all", "one", "two"]);
}
