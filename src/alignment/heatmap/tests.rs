use super::*;

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
        let layout = layout::Layout::of(figure, &svg::FONT);
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
        for font in [&svg::FONT, &raster::FONT] {
            let layout = layout::Layout::of(&figure, font);
            let inside = |x: f64, y: f64| (0.0..=layout.width).contains(&x) && (0.0..=layout.height).contains(&y);
            for mark in &layout.marks {
                let fits = match mark {
                    layout::Mark::Cell { x, y, width, height, .. } => inside(*x, *y) && inside(x + width, y + height),
                    layout::Mark::Frame { x, y, size, .. } => inside(*x, *y) && inside(x + size, y + size),
                    layout::Mark::Dot { x, y, radius, .. } => inside(x - radius, y - radius) && inside(x + radius, y + radius),
                    layout::Mark::Text { x, y, anchor, text, .. } => {
                        let width = (font.width)(text);
                        let (left, right, rise) = match anchor {
                            layout::Anchor::Start => (*x, x + width, 0.0),
                            layout::Anchor::Middle => (x - width / 2.0, x + width / 2.0, 0.0),
                            layout::Anchor::End => (x - width, *x, 0.0),
                            layout::Anchor::Rising => (*x, x + width * 0.7, width * 0.7),
                        };
                        inside(left, y - rise - font.height / 2.0) && inside(right, y + font.height / 2.0)
                    }
                };
                assert!(fits, "{mark:?} in {}×{}", layout.width, layout.height);
            }
        }
    }
}

#[test]
fn empty_figures_are_pictures_too() {
    let empty = AttentionMatrix::new(0, 0, Vec::new()).unwrap();
    for figure in [Figure::new("", Vec::new()), Heatmap::new("", &[], &[], empty).unwrap().into()] {
        assert!(roxmltree::Document::parse(&figure.svg()).is_ok());
        assert!(figure.png(1).unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn terminals_show_one_panel_below_the_other() {
    let text = Figure::new("all", vec![heatmap("one"), heatmap("two")]).terminal(TerminalColour::None);
    let titles: Vec<_> = text.lines().filter(|line| ["all", "one", "two"].contains(line)).collect();
    assert_eq!(titles, ["all", "one", "two"]);
}
