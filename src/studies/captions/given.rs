//! Scenes of one's own, in words or as JSON.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::kind::{COLOURS, Colour, SHAPES, Shape};

use super::scene::{CANVAS, Object, Scene};
use crate::input::quoted;
use crate::studies::interactive::read_input;

/// Smallest object whose shape can be told.
const LEAST_SIDE: i64 = 5;
/// Sides of objects that are called small and large.
const SMALL: i64 = 8;
const LARGE: i64 = 14;
/// Most objects of a scene; more are no scene to say anything about.
const MOST_OBJECTS: usize = 20;

/// A line, read.
#[derive(Debug, PartialEq)]
pub enum Given {
    Picture(PathBuf),
    Scene(Scene),
}

/// An object with its centre, as people give it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenObject {
    shape: Shape,
    colour: Colour,
    x: i64,
    y: i64,
    #[serde(default = "large")]
    size: i64,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Input {
    Picture { picture: PathBuf },
    Scene { objects: Vec<serde_json::Value> },
}

fn large() -> i64 {
    LARGE
}

impl From<&Object> for GivenObject {
    fn from(object: &Object) -> Self {
        let &Object { shape, colour, left, top, side } = object;
        GivenObject { shape, colour, x: left + side / 2, y: top + side / 2, size: side }
    }
}

impl GivenObject {
    fn object(self) -> Result<Object> {
        let GivenObject { shape, colour, x, y, size } = self;
        for (name, value) in [("x", x), ("y", y)] {
            let most = CANVAS - 1;
            ensure!(
                (0..=most).contains(&value),
                "its {name} is {value}, expected 0 to {most}: the canvas has {CANVAS}×{CANVAS} dots"
            );
        }
        ensure!((LEAST_SIDE..=CANVAS).contains(&size), "its size is {size}, expected {LEAST_SIDE} to {CANVAS} dots");
        Ok(Object { shape, colour, left: x - size / 2, top: y - size / 2, side: size })
    }
}

/// # Errors
/// Says what is wrong with the line: a colour or shape that there is not, or a place that is not on the canvas.
pub fn read(line: &str) -> Result<Given> {
    let input = read_input(line, |text| {
        let path = Path::new(text.trim());
        let is_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) || path.is_file();
        match is_file {
            true => Ok(Input::Picture { picture: path.to_owned() }),
            false => {
                let described = text.split(';').map(str::trim).filter(|part| !part.is_empty()).enumerate();
                let objects = described.map(|(number, part)| {
                    let object = described_object(part).with_context(|| format!("object {}", number + 1))?;
                    Ok(serde_json::to_value(object)?)
                });
                Ok(Input::Scene { objects: objects.collect::<Result<_>>()? })
            }
        }
    })?;
    match input {
        Input::Picture { picture } => Ok(Given::Picture(picture)),
        Input::Scene { objects } => {
            ensure!(objects.len() <= MOST_OBJECTS, "found {} objects, expected at most {MOST_OBJECTS}", objects.len());
            let read = objects.into_iter().enumerate().map(|(number, object)| {
                let read = || serde_json::from_value::<GivenObject>(object)?.object();
                read().with_context(|| format!("object {}", number + 1))
            });
            Ok(Given::Scene(Scene { objects: read.collect::<Result<_>>()? }))
        }
    }
}

/// `a small red circle at 10 12`, or with a size of its own: `red circle at 10 12 size 9`.
fn described_object(text: &str) -> Result<GivenObject> {
    let mut words = text.split_whitespace().skip_while(|word| ["a", "an", "the"].contains(word)).peekable();
    let named = words.next_if(|word| ["small", "large"].contains(word)).map(|word| if word == "small" { SMALL } else { LARGE });
    let colour = one_of(words.next(), "colour", &COLOURS)?;
    let shape = one_of(words.next(), "shape", &SHAPES)?;
    let form = "expected `at X Y` behind the shape, and `size S` behind that or nothing";
    ensure!(words.next() == Some("at"), "{form}");
    let mut number = |name: &str| -> Result<i64> {
        let word = words.next().context(form)?;
        word.trim_end_matches(',').parse().with_context(|| format!("{} is no whole number for its {name}; {form}", quoted(word)))
    };
    let (x, y) = (number("x")?, number("y")?);
    let size = match words.next() {
        None => named.unwrap_or(LARGE),
        Some("size") if named.is_none() => {
            let word = words.next().context(form)?;
            word.parse().with_context(|| format!("{} is no whole number for its size", quoted(word)))?
        }
        Some("size") => bail!("it has a size in words and one in dots; leave one of them out"),
        Some(other) => bail!("found {}; {form}", quoted(other)),
    };
    ensure!(words.next().is_none(), "there is more behind its size; objects are divided by `;`");
    Ok(GivenObject { shape, colour, x, y, size })
}

fn one_of<T: Copy>(word: Option<&str>, what: &str, known: &[(T, &str)]) -> Result<T> {
    let names = || known.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let word = word.with_context(|| format!("it has no {what}; expected one of {}", names()))?;
    let found = known.iter().find(|(_, name)| *name == word).map(|(value, _)| *value);
    found.with_context(|| format!("{} is no {what} here; expected one of {}", quoted(word), names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_are_read_in_words_and_as_json() {
        let words = read("a small red circle at 10 12; blue square at 34, 30 size 13").unwrap();
        let json = r#"{"objects": [{"shape": "circle", "colour": "red", "x": 10, "y": 12, "size": 8},
            {"shape": "square", "colour": "blue", "x": 34, "y": 30, "size": 13}]}"#;
        assert_eq!(words, read(json).unwrap());
        let Given::Scene(scene) = words else { panic!("a scene") };
        assert_eq!(scene.objects[0].bounds(), [6, 8, 14, 16]);
        assert_eq!(scene.objects[1].bounds(), [28, 24, 41, 37]);
        // As scenes are written, they are read.
        let objects: Vec<GivenObject> = scene.objects.iter().map(GivenObject::from).collect();
        assert_eq!(read(&serde_json::json!({ "objects": objects }).to_string()).unwrap(), Given::Scene(scene));
        assert_eq!(read(" of/me.PNG ").unwrap(), Given::Picture("of/me.PNG".into()));
        assert_eq!(read(r#"{"picture": "me"}"#).unwrap(), Given::Picture("me".into()));
        assert_eq!(read(r#"{"objects": []}"#).unwrap(), Given::Scene(Scene { objects: Vec::new() }));
    }

    #[test]
    fn what_is_no_scene_is_named() {
        for (line, expected) in [
            (
                "pink circle at 3 4",
                "object 1: \"pink\" is no colour here; expected one of red, orange, yellow, green, blue, purple",
            ),
            (
                "red circle at 3 4; red star at 3 4",
                "object 2: \"star\" is no shape here; expected one of circle, square, triangle, cross",
            ),
            ("red", "object 1: it has no shape"),
            ("red circle", "object 1: expected `at X Y` behind the shape"),
            ("red circle at 3", "object 1: expected `at X Y`"),
            ("red circle at three 4", "object 1: \"three\" is no whole number for its x"),
            ("red circle at 3 48", "object 1: its y is 48, expected 0 to 47"),
            ("red circle at 3 4 size 99", "object 1: its size is 99, expected 5 to 48 dots"),
            ("red circle at 3 4 size 9 9", "object 1: there is more behind its size"),
            ("small red circle at 3 4 size 9", "object 1: it has a size in words and one in dots"),
            ("red circle at 3 4 sized 9", "object 1: found \"sized\"; expected `at X Y`"),
            (
                r#"{"objects": [{"shape": "circle", "colour": "pink", "x": 1, "y": 1}]}"#,
                "object 1: unknown variant `pink`, expected one of `red`",
            ),
            (r#"{"shapes": 1}"#, "not the JSON that was expected"),
            ("", "expected an input, found a blank line"),
        ] {
            let error = format!("{:#}", read(line).unwrap_err());
            assert!(error.contains(expected), "{line}: {error}");
        }
        assert!(read(&"red circle at 3 4;".repeat(21)).unwrap_err().to_string().contains("found 21 objects"));
    }
}
