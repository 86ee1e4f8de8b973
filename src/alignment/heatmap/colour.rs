//! The colour scale: lightness falls evenly with the weight, so it reads without colour vision and in grey print too.

use std::sync::LazyLock;

use crate::picture::{INK, PAPER, Rgb};

/// Frames of gold links: far from the scale in hue for every kind of colour vision.
pub const GOLD: Rgb = [230, 110, 0];

/// Weight 0 as (lightness, chroma, hue in degrees) of OKLCH (Ottosson 2020): a hair off white, so that empty cells show.
const LIGHT: [f32; 3] = [0.97, 0.006, 195.0];
const DARK: [f32; 3] = [0.27, 0.11, 268.0];
/// Chroma rises and falls like a parabola between the ends, by this much in the middle.
const VIVID: f32 = 0.075;

static SCALE: LazyLock<[Rgb; 256]> = LazyLock::new(|| std::array::from_fn(|step| shade(step as f32 / 255.0)));

/// The colour of a weight; below 0 counts as 0, above 1 as 1.
pub fn of_weight(weight: f32) -> Rgb {
    SCALE[(weight.clamp(0.0, 1.0) * 255.0).round() as usize]
}

/// Black or white, whichever stands out on the colour of `weight`.
pub fn on_weight(weight: f32) -> Rgb {
    if weight < 0.45 { INK } else { PAPER }
}

fn shade(at: f32) -> Rgb {
    let mix = |part: usize| LIGHT[part] + (DARK[part] - LIGHT[part]) * at;
    let (lightness, chroma, hue) = (mix(0), mix(1) + 4.0 * VIVID * at * (1.0 - at), mix(2).to_radians());
    oklab_to_srgb([lightness, chroma * hue.cos(), chroma * hue.sin()])
}

fn oklab_to_srgb([lightness, a, b]: [f32; 3]) -> Rgb {
    let long = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let middle = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let short = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    let linear = [
        4.076_741_7 * long - 3.307_711_6 * middle + 0.230_969_94 * short,
        -1.268_438 * long + 2.609_757_4 * middle - 0.341_319_4 * short,
        -0.004_196_086_3 * long - 0.703_418_6 * middle + 1.707_614_7 * short,
    ];
    linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let encoded = if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of the web's contrast rules.
    fn luminance(colour: Rgb) -> f32 {
        let linear = colour.map(|value| {
            let value = f32::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn heavier_is_darker() {
        let steps: Vec<_> = (0..=100).map(|percent| luminance(of_weight(percent as f32 / 100.0))).collect();
        assert!(steps.windows(2).all(|pair| pair[1] < pair[0]), "{steps:?}");
        assert!(steps[0] > 0.85 && steps[100] < 0.05);
        assert_eq!(of_weight(-1.0), of_weight(0.0));
        assert_eq!(of_weight(7.0), of_weight(1.0));
    }

    #[test]
    fn marks_stand_out_everywhere() {
        for percent in 0..=100 {
            let weight = percent as f32 / 100.0;
            let (mark, cell) = (luminance(on_weight(weight)), luminance(of_weight(weight)));
            let contrast = (mark.max(cell) + 0.05) / (mark.min(cell) + 0.05);
            assert!(contrast > 3.0, "contrast {contrast} at weight {weight}");
        }
    }
}
