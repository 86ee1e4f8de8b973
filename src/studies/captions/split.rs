//! Which scenes are trained on: combinations of objects are held out, and two objects altogether.

use super::kind::{Colour, ObjectKind, Shape};

/// A set of scenes. No scene is in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SceneSet {
    /// Without any of what the others have.
    Train,
    /// With a pair of objects that no scene of training or test has.
    Validation,
    /// With a pair of objects that no scene of training or validation has.
    Test,
    /// With an object whose shape and colour come together nowhere else.
    NewObjects,
}

const NEW_OBJECTS: [ObjectKind; 2] =
    [ObjectKind { shape: Shape::Triangle, colour: Colour::Green }, ObjectKind { shape: Shape::Cross, colour: Colour::Purple }];

impl SceneSet {
    /// Whether scenes of objects of these kinds are of this set.
    pub fn has(self, kinds: &[ObjectKind]) -> bool {
        let news = kinds.iter().any(|kind| NEW_OBJECTS.contains(kind));
        let of = |set: SceneSet| {
            let pairs = (0..kinds.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
            pairs.filter(|&(one, other)| set_of(kinds[one], kinds[other]) == set).count()
        };
        match self {
            SceneSet::NewObjects => news,
            SceneSet::Train => !news && of(SceneSet::Validation) + of(SceneSet::Test) == 0,
            SceneSet::Validation => !news && of(SceneSet::Validation) > 0 && of(SceneSet::Test) == 0,
            SceneSet::Test => !news && of(SceneSet::Test) > 0 && of(SceneSet::Validation) == 0,
        }
    }
}

/// Where a pair of objects belongs, in whatever order: a tenth each to validation and test, scattered over all pairs.
fn set_of(one: ObjectKind, other: ObjectKind) -> SceneSet {
    let number = |kind: ObjectKind| kind.shape as u64 * 6 + kind.colour as u64;
    let (low, high) = (number(one).min(number(other)), number(one).max(number(other)));
    // Fibonacci hashing: the upper bits of a product with 2⁶⁴ by the golden ratio.
    let scattered = (low * 24 + high + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    match scattered % 10 {
        0 => SceneSet::Validation,
        1 => SceneSet::Test,
        _ => SceneSet::Train,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::captions::kind::{COLOURS, SHAPES};

    #[test]
    fn every_object_is_trained_on_and_every_set_has_pairs() {
        let kinds: Vec<ObjectKind> = SHAPES
            .iter()
            .flat_map(|&(shape, _)| COLOURS.map(|(colour, _)| ObjectKind { shape, colour }))
            .filter(|kind| !NEW_OBJECTS.contains(kind))
            .collect();
        let mut counts = [0; 3];
        for &one in &kinds {
            let others = || kinds.iter().filter(|&&other| other != one);
            assert!(others().filter(|&&other| SceneSet::Train.has(&[one, other])).count() > 10, "{one:?}");
            for &other in others() {
                let sets = [SceneSet::Train, SceneSet::Validation, SceneSet::Test].map(|set| set.has(&[one, other])).into_iter();
                let which: Vec<usize> = sets.enumerate().filter(|(_, has)| *has).map(|(set, _)| set).collect();
                assert_eq!(which.len(), 1, "{one:?} and {other:?}");
                counts[which[0]] += 1;
                assert_eq!(SceneSet::Test.has(&[one, other]), SceneSet::Test.has(&[other, one]));
                assert!(SceneSet::NewObjects.has(&[one, NEW_OBJECTS[0]]) && !SceneSet::Train.has(&[one, NEW_OBJECTS[0]]));
            }
        }
        let all: usize = counts.iter().sum();
        assert!(counts[1] * 20 > all && counts[2] * 20 > all && counts[0] * 10 > all * 7, "{counts:?}");
    }
}
