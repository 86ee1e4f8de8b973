//! What can truly be said of a scene, and which words are about which object.

use super::kind::{COLOURS, SHAPES};

use super::scene::{Object, Scene};
use crate::text::special;

/// A true sentence about a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    pub words: Vec<&'static str>,
    /// The object that each word is about: sizes, colours and shapes.
    pub objects: Vec<Option<usize>>,
}

const OTHERS: [&str; 10] = ["a", "is", "left", "right", "of", "above", "below", "and", "small", "large"];

impl Caption {
    fn of_nothing() -> Self {
        Caption { words: Vec::new(), objects: Vec::new() }
    }

    fn says(&mut self, words: &[&'static str]) {
        self.words.extend(words);
        self.objects.extend(words.iter().map(|_| None));
    }

    /// `a small red circle`.
    fn names(&mut self, number: usize, object: &Object) {
        self.says(&["a"]);
        self.words.extend([object.size_name(), object.colour.name(), object.shape.name()]);
        self.objects.extend([Some(number); 3]);
    }

    pub fn text(&self) -> String {
        self.words.join(" ")
    }
}

/// Every caption that is true of a scene: each object may come first, and of three the others in either order. The first of them names the objects in
/// the order of the rainbow, and of one colour in that of shapes. A scene of one object is only named; of more than three nothing is said.
pub fn captions(scene: &Scene) -> Vec<Caption> {
    let objects = &scene.objects;
    let orders: Vec<Vec<usize>> = match objects.len() {
        1 => vec![vec![0]],
        2 => vec![vec![0, 1], vec![1, 0]],
        3 => vec![vec![0, 1, 2], vec![0, 2, 1], vec![1, 0, 2], vec![1, 2, 0], vec![2, 0, 1], vec![2, 1, 0]],
        _ => Vec::new(),
    };
    let mut named: Vec<usize> = (0..objects.len()).collect();
    named.sort_by_key(|&number| (objects[number].colour as usize, objects[number].shape as usize));
    let told = |order: Vec<usize>| {
        let order: Vec<usize> = order.into_iter().map(|place| named[place]).collect();
        let mut caption = Caption::of_nothing();
        let subject = &objects[order[0]];
        caption.names(order[0], subject);
        for (place, &number) in order.iter().enumerate().skip(1) {
            caption.says(&[if place == 1 { "is" } else { "and" }]);
            caption.says(relation(subject, &objects[number]));
            caption.names(number, &objects[number]);
        }
        caption
    };
    orders.into_iter().map(told).collect()
}

/// Where the subject is, seen from the other, by the direction in which their centres are further apart.
fn relation(subject: &Object, other: &Object) -> &'static [&'static str] {
    let [across, down] = subject.way_to(other);
    match (across.abs() >= down.abs(), across > 0, down > 0) {
        (true, true, _) => &["left", "of"],
        (true, false, _) => &["right", "of"],
        (false, _, true) => &["above"],
        (false, _, false) => &["below"],
    }
}

/// How many words a decoder knows, the special ones included.
pub fn vocabulary_size() -> i64 {
    vocabulary().count() as i64
}

fn vocabulary() -> impl Iterator<Item = &'static str> {
    let words = OTHERS.into_iter().chain(COLOURS.map(|(_, name)| name)).chain(SHAPES.map(|(_, name)| name));
    special::SPELLINGS.into_iter().chain(words)
}

/// # Panics
/// Where captions have no such word.
pub fn id(word: &str) -> i64 {
    vocabulary().position(|known| known == word).expect("captions have words of their vocabulary") as i64
}

pub fn word(id: i64) -> &'static str {
    vocabulary().nth(id as usize).unwrap_or(special::SPELLINGS[special::UNK as usize])
}

/// Whether attention to it is judged: colours and shapes, which are to be seen in one place alone.
pub fn is_seen(word: &str) -> bool {
    COLOURS.iter().any(|(_, name)| *name == word) || SHAPES.iter().any(|(_, name)| *name == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::captions::kind::{Colour, Shape};

    #[test]
    fn captions_say_what_is_where() {
        let object = |shape, colour, left, top, side| Object { shape, colour, left, top, side };
        let circle = object(Shape::Circle, Colour::Red, 2, 20, 8);
        let square = object(Shape::Square, Colour::Blue, 30, 24, 14);
        let cross = object(Shape::Cross, Colour::Green, 6, 2, 7);
        let two = captions(&Scene { objects: vec![circle, square] });
        let text: Vec<String> = two.iter().map(Caption::text).collect();
        assert_eq!(
            text,
            ["a small red circle is left of a large blue square", "a large blue square is right of a small red circle"]
        );
        assert_eq!(two[1].objects[..6], [None, Some(1), Some(1), Some(1), None, None]);
        assert_eq!(two[1].objects[8..], [Some(0), Some(0), Some(0)]);
        let three = captions(&Scene { objects: vec![circle, square, cross] });
        assert_eq!(three.len(), 6);
        assert_eq!(three[0].text(), "a small red circle is below a small green cross and left of a large blue square",);
        assert!(three.iter().all(|caption| caption.words.len() == caption.objects.len()));
        assert!(three.iter().flat_map(|caption| &caption.words).all(|&said| word(id(said)) == said));
        assert_eq!(captions(&Scene { objects: vec![cross] })[0].text(), "a small green cross");
    }
}
