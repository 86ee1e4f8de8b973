//! A translator serves several threads at once.

use std::path::{Path, PathBuf};

use targum::model::Seq2Seq;
use targum::translator::Translator;
use tch::Device;

/// Holds when it compiles.
fn ensure_shared<T: Send + Sync + ?Sized>() {}

#[test]
fn models_and_translators_may_be_sent_and_shared() {
    ensure_shared::<dyn Seq2Seq>();
    ensure_shared::<Translator>();
}

fn frozen(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints").join(name)
}

#[test]
fn four_threads_translate_as_one_does_and_change_no_weight() {
    for name in ["luong", "bahdanau", "none", "transformer"] {
        let translator = Translator::load(&frozen(name), Device::Cpu).unwrap();
        let lines = std::fs::read_to_string(frozen(name).join("input.en")).unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        let translate = || {
            let mut options = translator.translate_options();
            options.search.attention = translator.attends();
            let found = translator.translate(&lines, &options).unwrap();
            let best = found.into_iter().map(|translation| {
                let best = translation.hypotheses.into_iter().next().unwrap();
                (best.text, best.score, best.aligned.map(|aligned| aligned.links))
            });
            best.collect::<Vec<_>>()
        };
        let versions =
            || -> Vec<i64> { translator.model.parameters().iter().map(|(_, tensor)| tensor.internal_version()).collect() };
        let (alone, before) = (translate(), versions());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(translate)).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), alone, "{name}");
            }
        });
        assert_eq!(versions(), before, "{name}: a weight was written to");
    }
}
