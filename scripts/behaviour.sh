#!/usr/bin/env bash
# What a Targum program does, written into a folder: translations, scores, links and pictures of the frozen checkpoints in every search mode,
# and the weights after a few updates of every recipe, on one thread. Two programs behave alike where `diff -r` finds their folders equal:
#
#   scripts/behaviour.sh target/before/targum before && scripts/behaviour.sh target/release/targum after && diff -r before after
#
# Recipes of Multi30k and bAbI read data/multi30k and data/babi, and are left out where these are absent. UPDATES (50) updates of each.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 PROGRAM FOLDER" >&2; exit 2; }
program=$(realpath "$1") out=$(realpath -m "$2") root=$(cd "$(dirname "$0")/.." && pwd)
updates=${UPDATES:-50}
export OMP_NUM_THREADS=1
mkdir -p "$out"
cd "$root"

# What is refused is part of what it does: its last message.
targum() { "$program" "$@" 2>"$out/stderr" || tail -n 1 "$out/stderr"; }
models=tests/fixtures/checkpoints
if [ -z "${ONLY_TRAINING:-}" ]; then
    for name in luong bahdanau none transformer; do
        checkpoint=$(ls -d "$models/$name"/step-*) source=$models/$name/input.en target=$models/$name/input.fr folder=$out/$name
        mkdir -p "$folder"
        translate() { targum translate --model "$checkpoint" --threads 1 "$@" "$source"; }
        translate --beam 1 --format jsonl > "$folder/greedy.jsonl"
        translate --beam 5 --format jsonl --n-best 3 --alignment > "$folder/beam.jsonl"
        translate --beam 4 --format jsonl --n-best 4 --diversity-groups 2 --diversity-penalty 0.7 > "$folder/diverse.jsonl"
        translate --beam 3 --format jsonl --repetition-penalty 1.3 --no-repeat-ngram 2 --coverage-penalty 0.2 --alignment > "$folder/rules.jsonl"
        translate --beam 3 --early-stopping never --patience 2 --minimum-length 4 --suppress le --format jsonl > "$folder/limits.jsonl"
        translate --sample --n-best 3 --temperature 0.9 --top-k 20 --top-p 0.9 --seed 3 --format jsonl > "$folder/samples.jsonl"
        printf 'the\tla\ndog\tchien\n' > "$out/glossary.tsv"
        translate --beam 4 --glossary "$out/glossary.tsv" --prefix Le --format jsonl > "$folder/glossary.jsonl"
        translate --beam 2 --split-sentences --workers 2 --batch-tokens 64 > "$folder/workers.txt"
        translate --beam 2 --precision bf16 --format jsonl > "$folder/bf16.jsonl"
        targum score --model "$checkpoint" --threads 1 --source "$source" --target "$target" > "$folder/scores"
        targum inspect "$checkpoint" > "$folder/inspect"
        [ "$name" = none ] && continue
        translate --replace-unknown --heatmaps "$folder/translated" > "$folder/replaced.txt"
        targum align --model "$checkpoint" --threads 1 --source "$source" --target "$target" --format jsonl \
            --heatmaps "$folder/aligned" > "$folder/aligned.jsonl"
    done
    targum translate --model "$(ls -d $models/luong/step-*)" --model "$(ls -d $models/bahdanau/step-*)" --threads 1 --beam 4 --format jsonl \
        --alignment $models/luong/input.en > "$out/ensemble.jsonl"
fi

[ -d data/synth ] || targum data synth --out data/synth > /dev/null
for recipe in configs/*.toml; do
    name=$(basename "$recipe" .toml) run=$out/runs/$name
    case $name in
        multi30k-*) [ -d data/multi30k ] || { echo "$name: skipped, data/multi30k is absent" >&2; continue; } ;;
        memn2n-babi) [ -d data/babi ] || { echo "$name: skipped, data/babi is absent" >&2; continue; } ;;
    esac
    settings=(--set training.updates="$updates" --set training.validate_every="$updates")
    case $name in
        hopfield-*) settings=() ;;
        demo*|multi30k-*) settings+=(--set training.validation_sentences=20) ;;
    esac
    echo "$name" >&2
    mkdir -p "$out/runs"
    targum train "$recipe" --out "$run" --threads 1 --device cpu "${settings[@]}" >> "$out/stdout"
done
mkdir -p "$out/weights"
for run in "$out"/runs/*; do
    # What trains nothing has its figures instead.
    (cd "$run" && find . \( -name '*.safetensors' -o -name 'test.json' \) | sort | xargs -r sha256sum) \
        > "$out/weights/$(basename "$run")"
done
rm -rf "$out/runs" "$out/stderr" "$out/stdout"
