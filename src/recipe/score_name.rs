//! Names of scores that a program adds to those of the literature.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name of a score that was registered in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ScoreName(&'static str);

impl ScoreName {
    /// Makes the name known to recipes and checkpoints; `attention::register_score` does it together with what makes the score.
    pub fn register(name: &'static str) -> Self {
        NAMES.lock().expect("adding a name cannot fail").insert(name);
        ScoreName(name)
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ScoreName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl<'de> Deserialize<'de> for ScoreName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let names = NAMES.lock().expect("adding a name cannot fail");
        let known = || match names.is_empty() {
            true => "it knows none but those of the literature".to_owned(),
            false => format!("it knows {}", names.iter().copied().collect::<Vec<_>>().join(", ")),
        };
        names.get(name.as_str()).map(|name| ScoreName(name)).ok_or_else(|| {
            D::Error::custom(format!(
                "is {name:?}, a score that this program does not have ({}); use the program that registers it",
                known()
            ))
        })
    }
}
