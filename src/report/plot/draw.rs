//! Where everything of a chart stands.

use super::axis::{Span, number};
use super::{Chart, Curve};
use crate::picture::{Anchor, Drawing, Element, FAINT, INK, Text, hex, width};

/// Colours that stay apart in every kind of colour vision (Okabe and Ito 2008), without the yellow, which white swallows.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1f2937"];
const MARKERS: [Marker; 7] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::UpsideDown, Marker::Cross, Marker::Plus];
const GRID: &str = "#e5e7eb";

/// The area between the axes.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 44.0;
const BELOW: f64 = 56.0;
const GAP: f64 = 16.0;
/// Height of a line of the legend, and length of its stroke.
const LINE: f64 = 20.0;
const STROKE: f64 = 28.0;

#[derive(Clone, Copy)]
enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    UpsideDown,
    Cross,
    Plus,
}

/// The picture; all numbers have been checked.
pub fn draw(chart: &Chart, x: &Span, y: &Span) -> Drawing {
    let names = chart.curves.iter().map(|curve| width(&curve.name)).fold(0.0, f64::max);
    let whole = (LEFT + WIDTH + GAP + STROKE + 8.0 + names + GAP).max(LEFT + width(&chart.title) * 1.08 + GAP);
    let height = (TOP + HEIGHT + BELOW).max(TOP + LINE * chart.curves.len() as f64 + GAP);
    let mut drawing = Drawing::new(whole, height, &chart.title);
    drawing.text(Text::new(LEFT, TOP / 2.0, &chart.title).bold());
    axes(chart, x, y, &mut drawing);
    for (at, label) in &chart.references {
        let at = LEFT + x.place(*at) * WIDTH;
        let line = Element::new("line").at("x1", at).at("y1", TOP).at("x2", at).at("y2", TOP + HEIGHT);
        drawing.shape(line.set("stroke", hex(FAINT)).set("stroke-dasharray", "4 3"));
        drawing.text(Text::new(at + 10.0, TOP + HEIGHT - 8.0, label).rising(90.0).colour(FAINT));
    }
    for (number, curve) in chart.curves.iter().enumerate() {
        points(curve, number, x, y, &mut drawing);
        let (left, middle) = (LEFT + WIDTH + GAP, TOP + LINE * (number as f64 + 0.5));
        let (colour, marker) = curve_style(number);
        let stroke = Element::new("path").set("d", format_args!("M{left} {middle}h{STROKE}"));
        drawing.shape(stroke.set("stroke", colour).set("stroke-width", 2));
        drawing.shape(shape(marker, left + STROKE / 2.0, middle, colour));
        drawing.text(Text::new(left + STROKE + 8.0, middle, &curve.name));
    }
    drawing
}

fn axes(chart: &Chart, x: &Span, y: &Span, drawing: &mut Drawing) {
    let bottom = TOP + HEIGHT;
    for &tick in &y.ticks {
        let at = short(bottom - y.place(tick) * HEIGHT);
        drawing.shape(Element::new("path").set("d", format_args!("M{LEFT} {at}h{WIDTH}")).set("stroke", GRID));
        drawing.text(Text::new(LEFT - 8.0, at, &number(tick)).anchor(Anchor::End));
    }
    for &tick in &x.ticks {
        let at = short(LEFT + x.place(tick) * WIDTH);
        drawing.shape(Element::new("path").set("d", format_args!("M{at} {bottom}v5")).set("stroke", hex(INK)));
        drawing.text(Text::new(at, bottom + 16.0, &number(tick)).anchor(Anchor::Middle));
    }
    let axes = Element::new("path").set("d", format_args!("M{LEFT} {TOP}V{bottom}H{}", LEFT + WIDTH));
    drawing.shape(axes.set("fill", "none").set("stroke", hex(INK)));
    drawing.text(Text::new(LEFT + WIDTH / 2.0, bottom + 40.0, &chart.x.label).anchor(Anchor::Middle));
    drawing.text(Text::new(18.0, TOP + HEIGHT / 2.0, &chart.y.label).anchor(Anchor::Middle).rising(90.0));
}

fn points(curve: &Curve, number_of: usize, x: &Span, y: &Span, drawing: &mut Drawing) {
    let (colour, marker) = curve_style(number_of);
    let place = |&(at, value): &(f64, f64)| (short(LEFT + x.place(at) * WIDTH), short(TOP + HEIGHT - y.place(value) * HEIGHT));
    let line: Vec<String> = curve.points.iter().map(place).map(|(x, y)| format!("{x},{y}")).collect();
    let line = Element::new("polyline").set("points", line.join(" ")).set("fill", "none").set("stroke", colour);
    drawing.shape(line.set("stroke-width", 2).set("stroke-linejoin", "round"));
    // Where points are dense, a marker every so often still tells the curves apart.
    for point in curve.points.iter().step_by(curve.points.len().div_ceil(40).max(1)) {
        let (left, top) = place(point);
        let rounded = |value: f64| number((value * 1e4).round() / 1e4);
        let tip = format!("{}: {}, {}", curve.name, rounded(point.0), rounded(point.1));
        drawing.shape(shape(marker, left, top, colour).tip(&tip));
    }
}

/// Colour and marker of a curve: both are its own up to seven curves, the pair of them up to 49.
fn curve_style(number: usize) -> (&'static str, Marker) {
    (COLOURS[number % COLOURS.len()], MARKERS[(number + number / COLOURS.len()) % MARKERS.len()])
}

fn shape(marker: Marker, x: f64, y: f64, colour: &str) -> Element {
    let path = match marker {
        Marker::Circle => "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        Marker::Square => "m-3.6 -3.6h7.2v7.2h-7.2z",
        Marker::Triangle => "m0 -4.8l4.6 8h-9.2z",
        Marker::Diamond => "m0 -5l5 5l-5 5l-5 -5z",
        Marker::UpsideDown => "m0 4.8l4.6 -8h-9.2z",
        Marker::Cross => "m-4 -4l8 8m-8 0l8 -8",
        Marker::Plus => "m-5 0h10m-5 -5v10",
    };
    let shape = Element::new("path").set("class", "m").set("d", format_args!("M{x} {y}{path}"));
    shape.set("fill", colour).set("stroke", colour).set("stroke-width", 1.5)
}

/// Tenths are as fine as a screen shows.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
