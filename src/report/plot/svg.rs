//! The SVG writer.

use std::fmt::Write;

use super::axis::{Span, number};
use super::{Chart, Curve};
use crate::report::markup::{self, INK, escape, text};

/// Colours that stay apart in every kind of colour vision (Okabe and Ito 2008), without the yellow, which white swallows.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1f2937"];
const MARKERS: [Marker; 7] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::UpsideDown, Marker::Cross, Marker::Plus];
const FAINT: &str = "#6b7280";
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

/// The whole document; all numbers have been checked.
pub fn write(chart: &Chart, x: &Span, y: &Span) -> String {
    let names = chart.curves.iter().map(|curve| markup::width(&curve.name)).fold(0.0, f64::max);
    let width = (LEFT + WIDTH + GAP + STROKE + 8.0 + names + GAP).ceil();
    let height = (TOP + HEIGHT + BELOW).max(TOP + LINE * chart.curves.len() as f64 + GAP);
    let mut out = markup::open(width, height, &chart.title, &format!(".f{{fill:{FAINT}}}"));
    out += &text(LEFT, TOP / 2.0, "start", "t", &chart.title);
    axes(chart, x, y, &mut out);
    for (at, label) in &chart.references {
        let at = short(LEFT + x.place(*at) * WIDTH);
        let _ = writeln!(
            out,
            "<line x1=\"{at}\" y1=\"{TOP}\" x2=\"{at}\" y2=\"{}\" stroke=\"{FAINT}\" stroke-dasharray=\"4 3\"/>\n\
             <text class=\"f\" x=\"{at}\" y=\"{1}\" dy=\"1.1em\" transform=\"rotate(-90 {at} {1})\">{2}</text>",
            TOP + HEIGHT,
            TOP + HEIGHT - 8.0,
            escape(label)
        );
    }
    for (number, curve) in chart.curves.iter().enumerate() {
        draw(curve, number, x, y, &mut out);
        let (left, middle) = (LEFT + WIDTH + GAP, TOP + LINE * (number as f64 + 0.5));
        let (colour, marker) = look(number);
        let _ = writeln!(
            out,
            "<path d=\"M{left} {middle}h{STROKE}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n{}",
            shape(marker, left + STROKE / 2.0, middle, colour, "")
        );
        out += &text(left + STROKE + 8.0, middle, "start", "", &curve.name);
    }
    out.push_str("</svg>\n");
    out
}

fn axes(chart: &Chart, x: &Span, y: &Span, out: &mut String) {
    let bottom = TOP + HEIGHT;
    for &tick in &y.ticks {
        let at = short(bottom - y.place(tick) * HEIGHT);
        let _ = writeln!(out, "<path d=\"M{LEFT} {at}h{WIDTH}\" stroke=\"{GRID}\"/>");
        *out += &text(LEFT - 8.0, at, "end", "", &number(tick));
    }
    for &tick in &x.ticks {
        let at = short(LEFT + x.place(tick) * WIDTH);
        let _ = writeln!(out, "<path d=\"M{at} {bottom}v5\" stroke=\"{INK}\"/>");
        *out += &text(at, bottom + 16.0, "middle", "", &number(tick));
    }
    let _ = writeln!(out, "<path d=\"M{LEFT} {TOP}V{bottom}H{}\" fill=\"none\" stroke=\"{INK}\"/>", LEFT + WIDTH);
    *out += &text(LEFT + WIDTH / 2.0, bottom + 40.0, "middle", "", &chart.x.label);
    let middle = TOP + HEIGHT / 2.0;
    let _ = writeln!(
        out,
        "<text x=\"18\" y=\"{middle}\" dy=\".35em\" text-anchor=\"middle\" transform=\"rotate(-90 18 {middle})\">{}</text>",
        escape(&chart.y.label)
    );
}

fn draw(curve: &Curve, number_of: usize, x: &Span, y: &Span, out: &mut String) {
    let (colour, marker) = look(number_of);
    let place = |&(at, value): &(f64, f64)| (short(LEFT + x.place(at) * WIDTH), short(TOP + HEIGHT - y.place(value) * HEIGHT));
    let line: Vec<String> = curve.points.iter().map(place).map(|(x, y)| format!("{x},{y}")).collect();
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>",
        line.join(" ")
    );
    // Where points are dense, a marker every so often still tells the curves apart.
    for point in curve.points.iter().step_by(curve.points.len().div_ceil(40).max(1)) {
        let (left, top) = place(point);
        let rounded = |value: f64| number((value * 1e4).round() / 1e4);
        let tip = format!("{}: {}, {}", curve.name, rounded(point.0), rounded(point.1));
        let _ = writeln!(out, "{}", shape(marker, left, top, colour, &tip));
    }
}

/// Colour and marker of a curve: both are its own up to seven curves, the pair of them up to 49.
fn look(number: usize) -> (&'static str, Marker) {
    (COLOURS[number % COLOURS.len()], MARKERS[(number + number / COLOURS.len()) % MARKERS.len()])
}

fn shape(marker: Marker, x: f64, y: f64, colour: &str, tip: &str) -> String {
    let path = match marker {
        Marker::Circle => "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        Marker::Square => "m-3.6 -3.6h7.2v7.2h-7.2z",
        Marker::Triangle => "m0 -4.8l4.6 8h-9.2z",
        Marker::Diamond => "m0 -5l5 5l-5 5l-5 -5z",
        Marker::UpsideDown => "m0 4.8l4.6 -8h-9.2z",
        Marker::Cross => "m-4 -4l8 8m-8 0l8 -8",
        Marker::Plus => "m-5 0h10m-5 -5v10",
    };
    let tip = if tip.is_empty() { String::new() } else { format!("<title>{}</title>", escape(tip)) };
    format!("<path class=\"m\" d=\"M{x} {y}{path}\" fill=\"{colour}\" stroke=\"{colour}\" stroke-width=\"1.5\">{tip}</path>")
}

/// Tenths are as fine as a screen shows.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
