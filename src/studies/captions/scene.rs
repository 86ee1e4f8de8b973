//! Scenes: objects of a shape and a colour on a square canvas, apart from each other.

use super::kind::{COLOURS, Colour, ObjectKind, SHAPES, Shape};
use super::split::SceneSet;
use crate::studies::random::RandomGenerator;

/// Dots of the canvas from side to side.
pub const CANVAS: i64 = 48;
/// Dots that are free between two objects at least, in one direction.
const GAP: i64 = 4;
/// Sides of small and of large objects, both ends included.
const SMALL: [usize; 2] = [7, 9];
const LARGE: [usize; 2] = [13, 15];
/// From this side on an object is called large.
const LARGE_FROM: i64 = 11;

/// One object. Its bounding box is a square of `side` dots, whose upper left dot is (`left`, `top`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    pub shape: Shape,
    pub colour: Colour,
    pub left: i64,
    pub top: i64,
    pub side: i64,
}

impl Object {
    pub fn kind(&self) -> ObjectKind {
        ObjectKind { shape: self.shape, colour: self.colour }
    }

    /// `small` or `large`.
    pub fn size_name(&self) -> &'static str {
        if self.side < LARGE_FROM { "small" } else { "large" }
    }

    /// Left, top, right and bottom; the last two are the first dots that are outside.
    pub fn bounds(&self) -> [i64; 4] {
        [self.left, self.top, self.left + self.side, self.top + self.side]
    }

    /// Twice the way from the centre of this object to that of the other, to the right and down.
    pub fn way_to(&self, other: &Object) -> [i64; 2] {
        let from = |mine: i64, theirs: i64| 2 * theirs + other.side - 2 * mine - self.side;
        [from(self.left, other.left), from(self.top, other.top)]
    }

    /// Whether it covers the middle of a dot.
    pub fn covers(&self, x: i64, y: i64) -> bool {
        let [left, top, right, bottom] = self.bounds();
        let within = |place: i64, start: i64| ((place - start) as f64 + 0.5) / self.side as f64 * 2.0 - 1.0;
        (left..right).contains(&x) && (top..bottom).contains(&y) && self.shape.covers(within(x, left), within(y, top))
    }

    /// Whether two are as far apart as in a generated scene, and it is clear in which direction.
    fn is_clear_of(&self, other: &Object) -> bool {
        let ([left, top, right, bottom], [x, y, end, floor]) = (self.bounds(), other.bounds());
        let apart = |one: [i64; 2], other: [i64; 2]| (other[0] - one[1]).max(one[0] - other[1]) >= GAP;
        let [across, down] = self.way_to(other);
        (apart([left, right], [x, end]) || apart([top, bottom], [y, floor])) && (across.abs() - down.abs()).abs() >= 2 * GAP
    }

    fn is_on_canvas(&self) -> bool {
        let [left, top, right, bottom] = self.bounds();
        left >= 0 && top >= 0 && right <= CANVAS && bottom <= CANVAS
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    pub objects: Vec<Object>,
}

impl Scene {
    /// Two or three objects of different kinds, such as `set` has them.
    pub fn draw(set: SceneSet, random: &mut RandomGenerator) -> Self {
        loop {
            let count = random.between(2, 3);
            let kinds: Vec<ObjectKind> =
                (0..count).map(|_| ObjectKind { shape: random.pick(&SHAPES).0, colour: random.pick(&COLOURS).0 }).collect();
            let differ = (1..count).all(|one| !kinds[..one].contains(&kinds[one]));
            if differ
                && set.has(&kinds)
                && let Some(scene) = Self::placed(&kinds, random)
            {
                return scene;
            }
        }
    }

    /// Objects of these kinds in free places; none where chance has found no room.
    fn placed(kinds: &[ObjectKind], random: &mut RandomGenerator) -> Option<Self> {
        const ATTEMPTS: usize = 30;
        let mut objects: Vec<Object> = Vec::new();
        for &ObjectKind { shape, colour } in kinds {
            let [least, most] = *random.pick(&[SMALL, LARGE]);
            let side = random.between(least, most) as i64;
            let free = (0..ATTEMPTS).find_map(|_| {
                let [left, top] = [(); 2].map(|()| random.between(1, (CANVAS - side - 1) as usize) as i64);
                let object = Object { shape, colour, left, top, side };
                objects.iter().all(|other| other.is_clear_of(&object)).then_some(object)
            });
            objects.push(free?);
        }
        Some(Scene { objects })
    }

    /// What a scene of one's own has that generated ones never have, each for people to read.
    pub fn oddities(&self) -> Vec<String> {
        let mut odd = Vec::new();
        let (objects, count) = (&self.objects, self.objects.len());
        if !(2..=3).contains(&count) {
            odd.push(format!("{count} objects; it was trained on 2 and 3"));
        }
        let trained = |side: i64| [SMALL, LARGE].iter().any(|&[least, most]| (least as i64..=most as i64).contains(&side));
        if let Some(object) = objects.iter().find(|object| !trained(object.side)) {
            let [[a, b], [c, d]] = [SMALL, LARGE];
            odd.push(format!("an object of size {}; it was trained on {a} to {b} and {c} to {d}", object.side));
        }
        if let Some(object) = objects.iter().find(|object| !object.is_on_canvas()) {
            odd.push(format!("a {} {} that is not whole on the canvas", object.colour.name(), object.shape.name()));
        }
        let pairs = || (0..count).flat_map(|one| (0..one).map(move |other| (&objects[one], &objects[other])));
        if pairs().any(|(one, other)| one.kind() == other.kind()) {
            odd.push("two objects of one shape and colour; in training they differ".to_owned());
        }
        if pairs().any(|(one, other)| !one.is_clear_of(other)) {
            odd.push("two objects that touch, or of which it is not clear on which side of each other they are".to_owned());
        }
        odd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_a_scene_are_whole_and_apart() {
        let mut random = RandomGenerator::new(1, 1);
        let scenes: Vec<Scene> = (0..300).map(|_| Scene::draw(SceneSet::Train, &mut random)).collect();
        for scene in &scenes {
            assert_eq!(scene.oddities(), [""; 0], "{scene:?}");
            for (number, object) in scene.objects.iter().enumerate() {
                let others = || scene.objects[..number].iter();
                assert!(others().all(|other| !(0..CANVAS * CANVAS).any(|dot| {
                    let (x, y) = (dot % CANVAS, dot / CANVAS);
                    object.covers(x, y) && other.covers(x, y)
                })));
            }
        }
        for count in [2, 3] {
            let share = scenes.iter().filter(|scene| scene.objects.len() == count).count();
            assert!(share > 50, "{share} scenes of {count} objects");
        }
        let again = Scene::draw(SceneSet::Train, &mut RandomGenerator::new(1, 1));
        assert_eq!(again, scenes[0]);
    }

    #[test]
    fn a_shape_fills_its_box_and_no_more() {
        for (shape, name) in SHAPES {
            assert_eq!(shape.name(), name);
            let object = Object { shape, colour: Colour::Red, left: 10, top: 20, side: 9 };
            let dots: Vec<(i64, i64)> =
                (0..CANVAS * CANVAS).map(|dot| (dot % CANVAS, dot / CANVAS)).filter(|&(x, y)| object.covers(x, y)).collect();
            let (x, y): (Vec<i64>, Vec<i64>) = dots.iter().copied().unzip();
            let ends = |places: &[i64]| [*places.iter().min().unwrap(), *places.iter().max().unwrap() + 1];
            let ([left, right], [top, bottom]) = (ends(&x), ends(&y));
            assert_eq!([left, top, right, bottom], object.bounds(), "{shape:?}");
        }
        assert!(COLOURS.iter().all(|(colour, name)| colour.name() == *name));
    }
}
