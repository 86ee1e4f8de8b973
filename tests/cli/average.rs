//! `targum average`.

use super::support::{arguments, checkpoints, shared, targum, with_input};
use tch::{Kind, Tensor};

#[test]
fn the_mean_of_a_runs_checkpoints_translates() {
    let run = shared().run();
    let place = tempfile::tempdir().unwrap();
    let (last, best, named) = (place.path().join("last"), place.path().join("best"), place.path().join("named"));
    let told = targum(arguments("average --model {} --last 2 --out {}", &[&run, &last])).good().stderr;
    assert!(told.contains("the mean of 2 checkpoints") && told.contains("step-00000003"), "{told}");
    targum(arguments("average --model {} --best 2 --out {}", &[&run, &best])).good();
    let steps: Vec<_> = checkpoints(&run).iter().map(|name| run.join(name)).collect();
    targum(arguments("average {} {} --out {}", &[&steps[0], &steps[1], &named])).good();
    let read = |folder: &std::path::Path| Tensor::read_safetensors(folder.join("model.safetensors")).unwrap();
    let (one, two) = (read(&steps[0]), read(&steps[1]));
    for out in [&last, &best, &named] {
        for (name, mean) in read(out) {
            let of =
                |tensors: &[(String, Tensor)]| tensors.iter().find(|(other, _)| *other == name).unwrap().1.to_kind(Kind::Double);
            assert!(mean.to_kind(Kind::Double).allclose(&((of(&one) + of(&two)) / 2.0), 1e-6, 1e-9, false), "{name}");
        }
    }
    let lines = with_input(arguments("translate --model {}", &[&last]), "The cat sleeps.\n").good().stdout.lines().count();
    assert_eq!(lines, 1);
}

#[test]
fn what_cannot_be_averaged_is_told() {
    let (run, words) = (shared().run(), shared().words());
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let more = ["has 2 checkpoints, but --last 9 asks for more", "training.keep_last = 9"];
    targum(arguments("average --model {} --last 9 --out {}", &[&run, &out])).failed(1, &[more[1], "2 checkpoints"]);
    targum(arguments("average --model {} --best 9 --out {}", &[&run, &out]))
        .failed(1, &["with a score", "training.keep_best = 9"]);
    let parts = ["model.recurrent.decoder.kind is \"bahdanau\", expected \"luong\"", "tokenizer.json: missing", "differences"];
    targum(arguments("average {} {} --out {}", &[&run, &words, &out])).failed(1, &parts);
    targum(arguments("average --out {}", &[&out])).failed(2, &["--last"]);
    targum(arguments("average {} --out {}", &[&run, &run])).failed(1, &["is there already"]);
    assert!(!out.exists());
}
