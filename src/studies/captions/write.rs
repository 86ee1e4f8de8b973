//! Scenes as files: PNG pictures, and their captions and boxes as JSON lines.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::caption::captions;
use super::given::GivenObject;
use super::render::render;
use super::scene::Scene;
use super::split::SceneSet;
use crate::runtime::files::{new_folder, write_unsynced};
use crate::studies::random::RandomGenerator;

/// Which scenes to write. The same options give the same files everywhere.
#[derive(Debug, Clone, Copy)]
pub struct ScenesOptions {
    pub seed: u64,
    pub count: usize,
    pub set: SceneSet,
}

/// Writes `scene-N.png`, from 1 on, and `scenes.jsonl` with a line for each: every caption that is true, with the object that each word is about,
/// and the objects with their boxes [left, top, right, bottom], the last two being the first dots outside.
///
/// # Errors
/// Where the folder is already there, or cannot be written.
pub fn write_scenes(options: &ScenesOptions, out: &Path) -> Result<()> {
    new_folder(out, |folder| {
        let mut lines = String::new();
        for number in 1..=options.count {
            let mut random = RandomGenerator::new(options.seed, number as u64);
            let scene = Scene::draw(options.set, &mut random);
            let name = format!("scene-{number}.png");
            write_unsynced(&folder.join(&name), render(&scene, &mut random).png()?)?;
            let captions = captions(&scene);
            let captions = captions.iter().map(|caption| json!({ "text": caption.text(), "objects": caption.objects }));
            let objects = scene.objects.iter().map(|object| {
                let mut record = json!(GivenObject::from(object));
                record["box"] = json!(object.bounds());
                record
            });
            let line =
                json!({ "picture": name, "captions": captions.collect::<Vec<_>>(), "objects": objects.collect::<Vec<_>>() });
            lines += &format!("{line}\n");
        }
        write_unsynced(&folder.join("scenes.jsonl"), lines)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Bitmap;
    use serde_json::Value;

    #[test]
    fn pictures_and_boxes_belong_together() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, seed| {
            let out = place.path().join(name);
            write_scenes(&ScenesOptions { seed, count: 3, set: SceneSet::Test }, &out).map(|()| out)
        };
        let out = write("one", 5).unwrap();
        let text = std::fs::read_to_string(out.join("scenes.jsonl")).unwrap();
        assert_eq!(text.lines().count(), 3);
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let bytes = std::fs::read(out.join(record["picture"].as_str().unwrap())).unwrap();
            let picture = Bitmap::from_png(&bytes).unwrap();
            assert_eq!((picture.width(), picture.height()), (48, 48));
            for object in record["objects"].as_array().unwrap() {
                // The middle of every shape is of its own colour, and the ground is grey.
                let at = |key: &str| object[key].as_u64().unwrap() as usize;
                let [red, green, blue] = picture.dots()[at("y") * 48 + at("x")];
                let spread = red.max(green).max(blue) - red.min(green).min(blue);
                assert!(spread > 60, "{object} {red} {green} {blue}");
                assert_eq!(
                    object["box"][2].as_u64().unwrap() - object["box"][0].as_u64().unwrap(),
                    object["size"].as_u64().unwrap()
                );
            }
            let words = record["captions"][0]["text"].as_str().unwrap().split(' ').count();
            assert_eq!(record["captions"][0]["objects"].as_array().unwrap().len(), words);
        }
        assert_eq!(text, std::fs::read_to_string(write("again", 5).unwrap().join("scenes.jsonl")).unwrap());
        assert_ne!(text, std::fs::read_to_string(write("other", 6).unwrap().join("scenes.jsonl")).unwrap());
        assert!(write("one", 5).unwrap_err().to_string().contains("already there"));
    }
}
