//! `--help`, `--version`, wrong usage and `doctor`.

use super::support::{arguments, targum};

#[test]
fn help_names_every_command_and_its_options() {
    let commands = [
        ("data synth", "--out --seed --train --validation --test"),
        ("data scenes", "--out --count --seed --set"),
        ("data multi30k", "--out --from --languages"),
        ("data check", "--source --target --tsv --minimum-length --maximum-length --maximum-ratio --remove-duplicates"),
        ("train", "<RECIPE> --out --set --init --resume --print-recipe --device --threads"),
        (
            "translate",
            "--model [FILES]... --format --alignment --n-best --heatmaps --replace-unknown --pieces --beam --length-penalty \
             --coverage-penalty --minimum-length --maximum-length --split-sentences --maximum-source-length --batch-tokens --workers --layer --head --all-attention --device --threads \
             --early-stopping --patience --prefix --suppress --suppress-pieces --no-repeat-ngram --repetition-penalty \
             --diversity-groups --diversity-penalty --sample --temperature --top-k --top-p --seed --glossary",
        ),
        ("attend scores", "[FILE] --query --key --value --model --keys --side --query-side --score --seed --format --heatmap"),
        ("attend saturation", "--dimensions --queries --keys --seed --format --picture"),
        ("attend lengths", "--lengths --width --heads --kernel --milliseconds --threads --format --picture"),
        ("attend positions", "--size --length --layout --model --side --format --heatmap"),
        ("average", "[CHECKPOINTS]... --model --last --best --out"),
        (
            "align",
            "--model --source --target --format --heatmaps --reverse-model --symmetrisation --layer --head --all-attention --device --threads",
        ),
        (
            "evaluate",
            "--reference --hypothesis --metrics --tokenize --paired-bootstrap --by-length --alignment --gold --gold-base --json",
        ),
        ("score", "--model --source --target --format --normalise --batch-tokens --device --threads"),
        ("import", "<DIR> --out --to"),
        ("export", "--format --model --out"),
        ("inspect", "<MODEL> --parameters"),
        ("turing", "--input --machine --steps --format --heatmaps --print-machine"),
        ("doctor", "--verbose"),
    ];
    let all = targum(["--help"]).good().stdout;
    for (command, options) in commands {
        let name = command.split(' ').next().unwrap();
        assert!(all.lines().any(|line| line.trim_start().starts_with(name)), "{name} is not in:\n{all}");
        let help = targum(command.split(' ').chain(["--help"])).good().stdout;
        for option in options.split_whitespace() {
            assert!(help.contains(option), "{command}: {option} is not in:\n{help}");
        }
    }
    assert_eq!(targum(["--version"]).good().stdout, format!("targum {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_status_2_and_names_the_option() {
    for (words, parts) in [
        ("", &["Usage"][..]),
        ("trane", &["trane", "train"]),
        ("translate", &["--model"]),
        ("translate --model x --n-bets 3", &["--n-bets", "--n-best"]),
        ("translate --model x --format xml", &["xml", "text", "jsonl"]),
        ("align --model x --source y", &["--target"]),
        ("evaluate --alignment x --gold y", &["--gold-base"]),
    ] {
        targum(words.split_whitespace()).failed(2, parts);
    }
}

#[test]
fn the_doctor_is_content_and_names_libtorch() {
    let told = targum(["doctor"]).good().stdout;
    let line = told.lines().find(|line| line.starts_with("libtorch")).unwrap();
    assert!(line.contains("2.11.0") && line.contains(" from /"), "{line}");
    for part in ["CUDA build", "GPUs", "threads", "CPU", "allocator"] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_gpu_that_is_not_there_is_named_with_the_reason() {
    if targum::runtime::usable_gpu_count().is_ok() {
        targum::runtime::write_message(format_args!("skipped: this machine has a GPU"));
        return;
    }
    let shared = super::support::shared();
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let reason = targum::runtime::usable_gpu_count().unwrap_err();
    let parts = ["--device cuda:0", &reason, "--device cpu", "targum doctor"];
    targum(arguments("train {} --out {} --device cuda", &[&shared.recipe(), &out])).failed(1, &parts);
    assert!(!out.exists(), "nothing is started");
    targum(arguments("translate --model {} --device cuda", &[&shared.run()])).failed(1, &parts);
    targum(arguments("translate --model {} --device gpu", &[&shared.run()])).failed(1, &["\"gpu\"", "auto, cpu, cuda or cuda:N"]);
    let chosen = targum(arguments("translate --model {} --device auto", &[&shared.run()])).good();
    assert!(chosen.stderr.contains("Cpu") && chosen.stderr.contains(&reason), "{}", chosen.stderr);
}
