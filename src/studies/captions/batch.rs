//! Pictures and captions as tensors.

use tch::{Device, Kind, Tensor};

use super::caption::{Caption, captions, id};
use super::render::render;
use super::scene::{CANVAS, Scene};
use super::split::SceneSet;
use crate::picture::Bitmap;
use crate::studies::random::RandomGenerator;
use crate::text::special::{BOS, EOS, PAD};

/// A scene, its picture, and the caption that is trained on.
#[derive(Debug, Clone)]
pub struct Example {
    pub scene: Scene,
    pub picture: Bitmap,
    pub caption: Caption,
}

impl Example {
    /// Its caption is the first: were the order left to chance, nobody could know before the first colour is said which object it will be of, and
    /// attention would have to be on all of them.
    pub fn draw(set: SceneSet, random: &mut RandomGenerator) -> Self {
        let scene = Scene::draw(set, random);
        let picture = render(&scene, random);
        let caption = captions(&scene).swap_remove(0);
        Example { scene, picture, caption }
    }
}

/// Examples as tensors.
pub struct Batch {
    /// [B, 3, Y, X]
    pub pictures: Tensor,
    /// What the decoder is fed, BOS first [B, T].
    pub inputs: Tensor,
    /// What it is to say, EOS last [B, T].
    pub targets: Tensor,
    /// True up to the first EOS [B, T].
    pub real: Tensor,
}

impl Batch {
    pub fn new(examples: &[Example], device: Device) -> Self {
        let steps = examples.iter().map(|example| example.caption.words.len()).max().unwrap_or(0) + 1;
        let [mut inputs, mut targets] = [(); 2].map(|()| Vec::with_capacity(examples.len() * steps));
        for example in examples {
            let words: Vec<i64> = example.caption.words.iter().map(|word| id(word)).collect();
            let padding = || std::iter::repeat_n(i64::from(PAD), steps - words.len() - 1);
            inputs.extend(std::iter::once(i64::from(BOS)).chain(words.iter().copied()).chain(padding()));
            targets.extend(words.iter().copied().chain([i64::from(EOS)]).chain(padding()));
        }
        let ids = |flat: &[i64]| Tensor::from_slice(flat).view([examples.len() as i64, steps as i64]).to_device(device);
        let targets = ids(&targets);
        let shown: Vec<&Bitmap> = examples.iter().map(|example| &example.picture).collect();
        Batch { pictures: pixels(&shown, device), inputs: ids(&inputs), real: targets.ne(i64::from(PAD)), targets }
    }

    /// How many words there are to be said, ends included.
    pub fn terms(&self) -> u64 {
        self.real.sum(Kind::Int64).int64_value(&[]) as u64
    }
}

/// Pictures of the canvas' size as numbers from -1 to 1 [B, 3, Y, X].
pub fn pixels(pictures: &[&Bitmap], device: Device) -> Tensor {
    let dots: Vec<u8> = pictures.iter().flat_map(|picture| picture.dots().as_flattened().iter().copied()).collect();
    let dots = Tensor::from_slice(&dots).view([pictures.len() as i64, CANVAS, CANVAS, 3]); // [B, Y, X, 3]
    (dots.to_device(device).to_kind(Kind::Float) / 127.5 - 1.0).permute([0, 3, 1, 2]).contiguous() // [B, 3, Y, X]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_end_once_and_pictures_keep_their_places() {
        let mut random = RandomGenerator::new(1, 2);
        let examples: Vec<Example> = (0..6).map(|_| Example::draw(SceneSet::Train, &mut random)).collect();
        let batch = Batch::new(&examples, Device::Cpu);
        let words: usize = examples.iter().map(|example| example.caption.words.len()).sum();
        assert_eq!(batch.terms(), words as u64 + 6);
        assert_eq!(batch.targets.eq(i64::from(EOS)).sum(Kind::Int64).int64_value(&[]), 6);
        let ([_, steps], shifted) = ([6, batch.inputs.size()[1]], batch.inputs.narrow(1, 1, batch.inputs.size()[1] - 1));
        let same = shifted.eq_tensor(&batch.targets.narrow(1, 0, steps - 1)).logical_or(&shifted.eq(i64::from(PAD)));
        assert!(bool::try_from(same.all()).unwrap());
        for (row, channel, y, x) in [(0, 0, 3, 40), (5, 2, 17, 8)] {
            let dot = examples[row].picture.dots()[(y * CANVAS + x) as usize][channel];
            let found = batch.pictures.double_value(&[row as i64, channel as i64, y, x]);
            assert!((found - (f64::from(dot) / 127.5 - 1.0)).abs() < 1e-6);
        }
    }
}
