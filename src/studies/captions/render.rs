//! Scenes as pictures. No two are alike: the ground is of some light grey, colours vary a little, and every dot is noisy.

use super::kind::Colour;

use super::scene::{CANVAS, Scene};
use crate::picture::{Bitmap, Rgb};
use crate::studies::random::RandomGenerator;

/// How light the ground is, both ends included.
const GROUND: [usize; 2] = [195, 240];
/// How much an object's colour and each dot may be off in each channel.
const TINT: usize = 15;
const NOISE: usize = 4;

impl Colour {
    fn rgb(self) -> Rgb {
        match self {
            Colour::Red => [210, 40, 40],
            Colour::Green => [40, 150, 60],
            Colour::Blue => [45, 80, 205],
            Colour::Yellow => [235, 215, 50],
            Colour::Purple => [130, 50, 160],
            Colour::Orange => [240, 135, 30],
        }
    }
}

/// The picture of a scene; of objects over each other the last is on top.
pub fn render(scene: &Scene, random: &mut RandomGenerator) -> Bitmap {
    let off = |value: u8, most: usize, random: &mut RandomGenerator| {
        (i64::from(value) + random.between(0, 2 * most) as i64 - most as i64).clamp(0, 255) as u8
    };
    let ground = [random.between(GROUND[0], GROUND[1]) as u8; 3];
    let colours: Vec<Rgb> =
        scene.objects.iter().map(|object| object.colour.rgb().map(|value| off(value, TINT, random))).collect();
    let dots = (0..CANVAS * CANVAS).map(|dot| {
        let (x, y) = (dot % CANVAS, dot / CANVAS);
        let on_top = scene.objects.iter().rposition(|object| object.covers(x, y));
        on_top.map_or(ground, |object| colours[object]).map(|value| off(value, NOISE, random))
    });
    Bitmap::new(CANVAS as usize, dots.collect())
}

/// Whether there is nothing on a picture: no dot differs from another by more than noise would make it.
pub fn is_uniform(picture: &Bitmap) -> bool {
    usize::from(picture.contrast()) <= 4 * NOISE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::captions::split::SceneSet;

    #[test]
    fn a_picture_shows_its_objects_on_light_ground() {
        for number in 0..20 {
            let mut random = RandomGenerator::new(3, number);
            let scene = Scene::draw(SceneSet::Train, &mut random);
            let picture = render(&scene, &mut random);
            assert!(!is_uniform(&picture));
            for (place, dot) in (0..).zip(picture.dots()) {
                let (x, y) = (place % CANVAS, place / CANVAS);
                let object = scene.objects.iter().find(|object| object.covers(x, y));
                let near = |rgb: Rgb, most: usize| rgb.iter().zip(dot).all(|(&a, &b)| usize::from(a.abs_diff(b)) <= most);
                assert!(match object {
                    Some(object) => near(object.colour.rgb(), TINT + NOISE),
                    None => dot.iter().all(|&value| value >= 190),
                });
            }
        }
        assert!(is_uniform(&render(&Scene { objects: Vec::new() }, &mut RandomGenerator::new(1, 1))));
    }
}
