//! A trained classifier of sets, asked about a set of one's own.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor, no_grad};

use super::model::SetClassifier;
use super::problem::{NEEDLES_FILE, Needles};
use crate::nn::{ForwardContext, read_weights};
use crate::recipe::SetsRecipe;
use crate::report::Chart;
use crate::runtime::files::Shown;
use crate::studies::interactive::{Answer, Interactive, load_model, read_input};
use crate::studies::random::RandomGenerator;

/// Most instances of a set.
const MOST: usize = 100_000;

pub struct SetsSession {
    recipe: SetsRecipe,
    model: SetClassifier,
    needles: Needles,
    device: Device,
    /// Sets drawn so far.
    drawn: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Each a string of bits.
    instances: Vec<String>,
}

impl SetsSession {
    pub fn open(recipe: &SetsRecipe, folder: &Path, device: Device) -> Result<Self> {
        let model = load_model(folder, device, |store| SetClassifier::new(recipe, store))?;
        let path = folder.join(NEEDLES_FILE);
        let needles =
            read_weights(&path)?.remove("needles").with_context(|| format!("{}: has no tensor `needles`", path.shown()))?;
        let expected = [recipe.needles as i64, recipe.width as i64];
        ensure!(
            needles.size() == expected,
            "{}: `needles` has the shape {:?}, expected {expected:?}",
            path.shown(),
            needles.size()
        );
        Ok(SetsSession { recipe: recipe.clone(), model, needles: Needles::of(&needles)?, device, drawn: 0 })
    }

    /// Signs of instances [1, T, D].
    fn read(&self, instances: &[String]) -> Result<Tensor> {
        let (width, count) = (self.recipe.width, instances.len());
        ensure!((1..=MOST).contains(&count), "a set of {count} instances, expected 1 to {MOST}");
        let mut signs = Vec::new();
        for (place, instance) in instances.iter().enumerate() {
            ensure!(instance.len() == width, "instance {} has {} bits, expected {width}", place + 1, instance.len());
            for bit in instance.chars() {
                signs.push(match bit {
                    '0' => -1f32,
                    '1' => 1.0,
                    _ => bail!("instance {} has {bit:?} in it, expected bits, 0 and 1", place + 1),
                });
            }
        }
        Ok(Tensor::from_slice(&signs).reshape([1, count as i64, width as i64]).to_device(self.device))
    }
}

impl Interactive for SetsSession {
    fn expects(&self) -> String {
        format!(
            "a number of instances, such as `1000`, for a set that is drawn; or instances of {} bits with blanks between them; or {{\"instances\": \
             [\"0110…\", …]}}",
            self.recipe.width
        )
    }

    fn ask(&mut self, line: &str) -> Result<Option<Answer>> {
        // A number that is not as long as an instance is how many are drawn.
        let size = line.trim().parse::<usize>().ok().filter(|_| line.trim().len() < self.recipe.width);
        let (instances, expected, needle) = match size {
            Some(size) => {
                ensure!((1..=MOST).contains(&size), "a set of {size} instances, expected 1 to {MOST}");
                let mut random = RandomGenerator::new(size as u64, self.drawn);
                self.drawn += 1;
                let sets = self.needles.sets(&self.recipe, 1, size, &mut random, self.device);
                (sets.instances, Some(sets.classes.int64_value(&[0])), sets.places[0])
            }
            None => {
                let input: Input =
                    read_input(line, |text| Ok(Input { instances: text.split_whitespace().map(str::to_owned).collect() }))?;
                (self.read(&input.instances)?, None, None)
            }
        };
        let found = no_grad(|| self.model.classify(&instances, &ForwardContext::evaluation()));
        let probabilities: Vec<f64> = Vec::try_from(found.logits.softmax(-1, Kind::Double).view(-1))?;
        let class = (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or(0);
        let name = |class: usize| if class == 0 { "no needle".to_owned() } else { format!("needle {class}") };
        let mut notes = Vec::new();
        if let Some(expected) = expected.filter(|&expected| expected != class as i64) {
            notes.push(format!("the right answer is {}", name(expected as usize)));
        }
        let count = instances.size()[1] as usize;
        if !(self.recipe.fewest..=self.recipe.most).contains(&count) {
            notes.push(format!(
                "it was trained on {} to {} instances, and this has {count}",
                self.recipe.fewest, self.recipe.most
            ));
        }
        let mut text = format!("{} ({:.0} %)", name(class), 100.0 * probabilities[class]);
        let (mut weights, mut pictures) = (None, Vec::new());
        if let Some(of_heads) = found.weights {
            let of_heads: Vec<Vec<f64>> = Vec::try_from(of_heads.squeeze_dim(0).to_kind(Kind::Double))?; // [H, T]
            let all = of_heads.iter().flat_map(|head| head.iter().enumerate());
            let most = all.max_by(|a, b| a.1.total_cmp(b.1)).map_or((0, 0.0), |(place, &weight)| (place, weight));
            text += &format!(", most at instance {} (weight {:.3})", most.0 + 1, most.1);
            let mut chart =
                Chart::new(&format!("{}: weights of {count} instances", name(class)), "instance", "weight").y_range(0.0, 1.0);
            for (head, weights) in of_heads.iter().enumerate() {
                let points: Vec<(f64, f64)> =
                    weights.iter().enumerate().map(|(place, &weight)| (place as f64 + 1.0, weight)).collect();
                chart = chart.curve(&format!("head {}", head + 1), &points);
            }
            if let Some(place) = needle {
                chart = chart.reference(place as f64 + 1.0, "the needle");
            }
            pictures.push(("weights", chart.drawing()?));
            weights = Some(of_heads);
        }
        let record = json!({
            "answer": class,
            "probabilities": probabilities,
            "expected": expected,
            "needle": needle.map(|place| place + 1),
            "weights": weights,
        });
        Ok(Some(Answer { text, record, notes, pictures }))
    }
}
