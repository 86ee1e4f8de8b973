//! The files that the reference implementation wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use targum::model::{Seq2Seq, Vocabularies, build};
use targum::recipe::{ModelRecipe, RecurrentRecipe, TransformerRecipe};
use tch::{Device, Kind, Tensor, no_grad};

use super::compare::{Comparison, GRADIENT};

/// One case: how to build it, and its tensors by name.
pub struct Fixture<C> {
    pub name: String,
    pub case: C,
    tensors: BTreeMap<String, Tensor>,
}

/// Every fixture of a folder whose name starts like this, in the order of names.
pub fn fixtures<C: DeserializeOwned>(folder: &str, prefix: &str) -> Vec<Fixture<C>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let names: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of a folder").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.iter().map(|name| Fixture::read(&folder.join(name))).collect()
}

impl<C: DeserializeOwned> Fixture<C> {
    fn read(path: &Path) -> Self {
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let case = &header.metadata().as_ref().expect("a fixture has metadata")["case"];
        let case = serde_json::from_str(case).unwrap_or_else(|error| panic!("{name}: case: {error}"));
        let file = SafeTensors::deserialize(&bytes).expect("a file whose header was read");
        let tensors = file
            .iter()
            .map(|(tensor, view)| {
                assert_eq!(view.dtype(), Dtype::F32, "{name}: {tensor}");
                let size: Vec<i64> = view.shape().iter().map(|&length| length as i64).collect();
                (tensor.to_owned(), Tensor::from_data_size(view.data(), &size, Kind::Float))
            })
            .collect();
        Fixture { name, case, tensors }
    }
}

impl<C> Fixture<C> {
    /// # Panics
    /// When there is no such tensor.
    pub fn tensor(&self, name: &str) -> &Tensor {
        self.find(name).unwrap_or_else(|| panic!("{} has no tensor {name}", self.name))
    }

    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Names behind this prefix.
    fn behind<'a>(&'a self, prefix: &'a str) -> BTreeSet<&'a str> {
        self.tensors.keys().filter_map(|name| name.strip_prefix(prefix)).collect()
    }

    /// Gives parameters the values of `<group>parameter/<name>`.
    ///
    /// # Panics
    /// When names or shapes are not the fixture's.
    pub fn set(&self, group: &str, parameters: &[(String, Tensor)]) {
        let prefix = format!("{group}parameter/");
        let names: BTreeSet<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, self.behind(&prefix), "parameters of {}{group} here and in the fixture", self.name);
        for (name, parameter) in parameters {
            let value = self.tensor(&format!("{prefix}{name}"));
            assert_eq!(parameter.size(), value.size(), "{}: shape of {name}", self.name);
            no_grad(|| parameter.shallow_clone().copy_(value));
        }
    }

    /// Compares every parameter's gradient with `<group>gradient/<name>`.
    pub fn compare_gradients(&self, group: &str, parameters: &[(String, Tensor)], comparison: &mut Comparison) {
        for (name, parameter) in parameters {
            let gradient = parameter.grad();
            assert!(gradient.defined(), "{}: no gradient reached {name}", self.name);
            let name = format!("{group}gradient/{name}");
            comparison.close(&name, &gradient, self.tensor(&name), GRADIENT);
        }
    }
}

/// How to build a whole model, and what it reads.
#[derive(Deserialize)]
pub struct ModelCase {
    #[serde(flatten)]
    recipe: CaseRecipe,
    vocabularies: Sizes,
    /// Ids without special tokens.
    pub source: Vec<Vec<u32>>,
    /// Ids without special tokens.
    pub target: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
enum CaseRecipe {
    #[serde(rename = "recipe")]
    Recurrent(RecurrentRecipe),
    #[serde(rename = "transformer")]
    Transformer(TransformerRecipe),
}

#[derive(Deserialize)]
struct Sizes {
    source: i64,
    target: i64,
}

impl ModelCase {
    /// The model with starting values of its own.
    pub fn build(&self) -> Box<dyn Seq2Seq> {
        let vocabularies = Vocabularies { source: self.vocabularies.source, target: self.vocabularies.target, same: None };
        let recipe = match &self.recipe {
            CaseRecipe::Recurrent(recipe) => ModelRecipe::Recurrent(recipe.clone()),
            CaseRecipe::Transformer(recipe) => ModelRecipe::Transformer(recipe.clone()),
        };
        build(&recipe, vocabularies, 1, Device::Cpu).expect("a recipe that can be built")
    }
}
