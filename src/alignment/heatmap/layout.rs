//! Where everything of a figure stands.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use super::colour;
use super::{Figure, Heatmap};
use crate::picture::label::{clean, elide};
use crate::picture::{Anchor, FAINT, INK, LINE, Rgb, ink, width};

/// One thing to draw. Points are centres of a text's height; all else is given by its upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    Cell {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: Rgb,
        tip: Option<String>,
    },
    Frame {
        x: f64,
        y: f64,
        size: f64,
        stroke: Rgb,
    },
    Dot {
        x: f64,
        y: f64,
        radius: f64,
        fill: Rgb,
    },
    /// `rising` texts are turned around their left end by 45 degrees.
    Text {
        x: f64,
        y: f64,
        anchor: Anchor,
        rising: bool,
        text: String,
        tip: Option<String>,
        colour: Rgb,
        bold: bool,
    },
}

/// A figure taken apart into marks, painted in order.
#[derive(Debug, PartialEq)]
pub struct Layout {
    pub width: f64,
    pub height: f64,
    pub name: String,
    pub marks: Vec<Mark>,
}

const MARGIN: f64 = 16.0;
/// Between labels and cells.
const GAP: f64 = 6.0;
/// Between panels.
const GUTTER: f64 = 28.0;
/// White between cells.
const SEAM: f64 = 1.0;
/// Longest title in terminal columns.
const TITLE: usize = 90;
/// A panel's cells would like to fill a square of this side, alone or among others.
const SIDE: f64 = 420.0;
const SIDE_AMONG_OTHERS: f64 = 220.0;
const LARGEST_CELL: f64 = 44.0;
/// Labels of usual letters keep apart at this side.
const LEAST_CELL: f64 = 20.0;
/// Bold letters are wider by this.
const BOLD: f64 = 1.08;

/// Labels of one axis: what is written, and the whole text where that was shortened.
struct Labels(Vec<(String, Option<String>)>);

impl Labels {
    fn new(labels: &[String], longest: usize) -> Self {
        let shorten = |label: &String| {
            let whole = clean(label);
            let shown = elide(&whole, longest);
            let tip = (shown != whole).then_some(whole);
            (shown, tip)
        };
        Self(labels.iter().map(shorten).collect())
    }

    fn widest(&self) -> f64 {
        self.0.iter().map(|(label, _)| width(label)).fold(0.0, f64::max)
    }

    /// Height of a band in which every label stands.
    fn tallest(&self) -> f64 {
        let (above, below) = self
            .0
            .iter()
            .map(|(label, _)| ink(label))
            .fold((0.0, 0.0), |(high, low): (f64, f64), (above, below)| (high.max(above), low.max(below)));
        above + below
    }
}

/// One panel, measured but not yet placed.
struct Panel<'a> {
    heatmap: &'a Heatmap,
    title: String,
    rows: Option<Labels>,
    columns: Option<Labels>,
    /// All column labels fit their cells as they are.
    upright: bool,
    cell: f64,
    widest_row: f64,
    widest_column: f64,
}

impl<'a> Panel<'a> {
    fn new(heatmap: &'a Heatmap, figure: &Figure, index: usize) -> Self {
        let left = (!index.is_multiple_of(figure.across)).then(|| &figure.panels[index - 1]);
        let above = index.checked_sub(figure.across).map(|above| &figure.panels[above]);
        let repeats_rows = left.is_some_and(|left| left.row_labels == heatmap.row_labels);
        let repeats_columns = above.is_some_and(|above| above.column_labels == heatmap.column_labels);
        let side = if figure.panels.len() > 1 { SIDE_AMONG_OTHERS } else { SIDE };
        let longest = heatmap.matrix.rows().max(heatmap.matrix.columns()).max(1);
        let labels = |labels: &[String]| Labels::new(labels, heatmap.longest_label);
        // Panels that leave their labels out are as large as their neighbours.
        let (rows, columns) = (labels(&heatmap.row_labels), labels(&heatmap.column_labels));
        let (widest_row, widest_column) = (rows.widest(), columns.widest());
        let least = LEAST_CELL.max(rows.tallest() + 1.0).max(columns.tallest() * SQRT_2 + 1.0).ceil().min(LARGEST_CELL);
        let cell = (side / longest as f64).floor().clamp(least, LARGEST_CELL);
        let upright = widest_column <= cell - 4.0;
        Self {
            heatmap,
            title: elide(&clean(&heatmap.title), TITLE),
            rows: (!repeats_rows).then_some(rows),
            columns: (!repeats_columns).then_some(columns),
            upright,
            cell,
            widest_row,
            widest_column,
        }
    }

    fn grid_width(&self) -> f64 {
        self.heatmap.matrix.columns() as f64 * self.cell
    }

    fn grid_height(&self) -> f64 {
        self.heatmap.matrix.rows() as f64 * self.cell
    }

    /// Room left of the cells.
    fn left(&self) -> f64 {
        self.rows.as_ref().map_or(0.0, |_| self.widest_row + GAP)
    }

    /// Cells and whatever of title and slanted labels reaches further.
    fn reach(&self) -> f64 {
        let slanted = |labels: &Labels| {
            let ends = labels
                .0
                .iter()
                .enumerate()
                .map(|(column, (label, _))| (column as f64 + 0.5) * self.cell + (width(label) + LINE) * FRAC_1_SQRT_2);
            ends.fold(0.0, f64::max)
        };
        let labels = if self.upright { 0.0 } else { self.columns.as_ref().map_or(0.0, slanted) };
        self.grid_width().max(labels).max(width(&self.title) * BOLD)
    }

    /// Room above the cells.
    fn top(&self) -> f64 {
        let title = if self.title.is_empty() { 0.0 } else { LINE + 2.0 * GAP };
        title + self.labels_height()
    }

    fn labels_height(&self) -> f64 {
        match &self.columns {
            None => 0.0,
            Some(_) if self.upright => LINE + GAP,
            Some(_) => (self.widest_column + LINE) * FRAC_1_SQRT_2 + GAP,
        }
    }

    /// Draws with the upper left cell at (x, y), and the title at height `title`.
    fn draw(&self, x: f64, y: f64, title: f64, marks: &mut Vec<Mark>) {
        if !self.title.is_empty() {
            marks.push(heading(x, title + LINE / 2.0, &self.title));
        }
        for (column, (label, tip)) in self.columns.iter().flat_map(|labels| labels.0.iter().enumerate()) {
            let centre = x + (column as f64 + 0.5) * self.cell;
            let (at, anchor) =
                if self.upright { (y - GAP - LINE / 2.0, Anchor::Middle) } else { (y - GAP - LINE * 0.25, Anchor::Start) };
            marks.push(text(centre, at, anchor, !self.upright, label, tip));
        }
        for (row, (label, tip)) in self.rows.iter().flat_map(|labels| labels.0.iter().enumerate()) {
            let centre = y + (row as f64 + 0.5) * self.cell;
            marks.push(text(x - GAP, centre, Anchor::End, false, label, tip));
        }
        self.draw_cells(x, y, marks);
    }

    fn draw_cells(&self, left: f64, top: f64, marks: &mut Vec<Mark>) {
        let map = self.heatmap;
        let size = self.cell - SEAM;
        let mut overlays = Vec::new();
        for (row, weights) in map.matrix.iter_rows().enumerate() {
            for (column, &weight) in weights.iter().enumerate() {
                let (x, y) = (left + column as f64 * self.cell, top + row as f64 * self.cell);
                let tip = format!("{} → {}: {weight:.3}", clean(&map.column_labels[column]), clean(&map.row_labels[row]));
                marks.push(Mark::Cell { x, y, width: size, height: size, fill: colour::of_weight(weight), tip: Some(tip) });
                if map.is_gold(row, column) {
                    overlays.push(Mark::Frame { x, y, size, stroke: colour::GOLD });
                }
                if map.is_link(row, column) {
                    let (x, y, radius) = (x + size / 2.0, y + size / 2.0, dot_radius(self.cell));
                    overlays.push(Mark::Dot { x, y, radius, fill: colour::on_weight(weight) });
                }
            }
        }
        marks.append(&mut overlays);
    }
}

fn dot_radius(cell: f64) -> f64 {
    (cell * 0.13).clamp(2.5, 4.5)
}

fn text(x: f64, y: f64, anchor: Anchor, rising: bool, text: &str, tip: &Option<String>) -> Mark {
    Mark::Text { x, y, anchor, rising, text: text.to_owned(), tip: tip.clone(), colour: INK, bold: false }
}

fn heading(x: f64, y: f64, text: &str) -> Mark {
    Mark::Text { x, y, anchor: Anchor::Start, rising: false, text: text.to_owned(), tip: None, colour: INK, bold: true }
}

impl Layout {
    pub fn of(figure: &Figure) -> Self {
        let panels: Vec<_> =
            figure.panels.iter().enumerate().map(|(index, heatmap)| Panel::new(heatmap, figure, index)).collect();
        let across = figure.across.min(panels.len()).max(1);
        let mut marks = Vec::new();
        let title = elide(&clean(&figure.title), TITLE);
        let mut y = MARGIN;
        if !title.is_empty() {
            marks.push(heading(MARGIN, y + LINE / 2.0, &title));
            y += LINE + 3.0 * GAP;
        }
        let largest = |panels: &mut dyn Iterator<Item = &Panel>, of: &dyn Fn(&Panel) -> f64| panels.map(of).fold(0.0, f64::max);
        let mut lefts = Vec::new();
        let mut right = MARGIN;
        for column in 0..across {
            let start = right + if column > 0 { GUTTER } else { 0.0 };
            let in_column = || panels.iter().skip(column).step_by(across);
            let left = start + largest(&mut in_column(), &|panel| panel.left());
            right = left + largest(&mut in_column(), &|panel| panel.reach());
            lefts.push(left);
        }
        for (down, row) in panels.chunks(across).enumerate() {
            let start = y + if down > 0 { GUTTER } else { 0.0 };
            let top = start + largest(&mut row.iter(), &|panel| panel.top());
            for (panel, &left) in row.iter().zip(&lefts) {
                panel.draw(left, top, top - panel.top(), &mut marks);
            }
            y = top + largest(&mut row.iter(), &|panel| panel.grid_height());
        }
        let legend_left = lefts.first().copied().unwrap_or(MARGIN);
        let (legend_right, bottom) = draw_legend(figure, legend_left, y + GUTTER * 0.75, &mut marks);
        let width = right.max(legend_right).max(MARGIN + width(&title) * BOLD) + MARGIN;
        let name = if title.is_empty() { panels.first().map(|panel| panel.title.clone()).unwrap_or_default() } else { title };
        Self { width: width.ceil(), height: (bottom + MARGIN).ceil(), name, marks }
    }
}

/// The scale from 0 to 1, and what dots and frames mean where there are any. Returns its right and lower ends.
fn draw_legend(figure: &Figure, left: f64, top: f64, marks: &mut Vec<Mark>) -> (f64, f64) {
    const STEPS: u32 = 32;
    const STEP: f64 = 3.0;
    let middle = top + LINE / 2.0;
    let mut x = left;
    let write = |x: &mut f64, label: &str, marks: &mut Vec<Mark>| {
        marks.push(Mark::Text {
            x: *x,
            y: middle,
            anchor: Anchor::Start,
            rising: false,
            text: label.to_owned(),
            tip: None,
            colour: FAINT,
            bold: false,
        });
        *x += width(label) + GAP;
    };
    write(&mut x, "0", marks);
    let (y, height) = ((middle - LINE * 0.35).round(), (LINE * 0.7).round());
    for step in 0..STEPS {
        let fill = colour::of_weight(step as f32 / (STEPS - 1) as f32);
        // Each step reaches to the end, under those that follow: seams would show where viewers smooth edges.
        let rest = f64::from(STEPS - step) * STEP;
        marks.push(Mark::Cell { x: x + f64::from(step) * STEP, y, width: rest, height, fill, tip: None });
    }
    x += f64::from(STEPS) * STEP + GAP;
    write(&mut x, "1", marks);
    if figure.panels.iter().any(|panel| panel.links.is_some()) {
        x += 2.0 * GAP;
        marks.push(Mark::Dot { x: x + 4.0, y: middle, radius: 4.0, fill: INK });
        x += 8.0 + GAP;
        write(&mut x, "link", marks);
    }
    if figure.panels.iter().any(|panel| panel.gold.is_some()) {
        x += 2.0 * GAP;
        marks.push(Mark::Frame { x, y: middle - 6.0, size: 12.0, stroke: colour::GOLD });
        x += 12.0 + GAP;
        write(&mut x, "gold", marks);
    }
    (x, top + LINE)
}
