#!/bin/sh
# Makes the checkpoints that every later Targum has to read, with what they give: tests/fixtures/checkpoints/KIND/.
# Usage: scripts/frozen-checkpoints.sh [KIND ...]. A kind that is there already stays as it is: what was frozen once is not made again, unless its
# folder is removed first. TARGUM=another binary. tests/cli/frozen.rs says what is compared.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
targum=${TARGUM:-$root/target/release/targum}
fixtures=$root/tests/fixtures/checkpoints
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1

# Recipes name the corpus as the test will: beside the run.
cd "$work"
"$targum" data synth --train 24 --validation 400 --test 400 --out corpus 2>/dev/null

translation() {
    cat >"$1.toml" <<RECIPE
name = "$1"

[data]
train = "corpus/train"
validation = "corpus/validation"

[tokenizer]
$2

$3

[training]
optimizer = { adam = { learning_rate = 0.01 } }
batch_tokens = 200
updates = 1200
validate_every = 1200
validation_sentences = 4
pictures = 0
keep_last = 1

[search]
beam = 3
RECIPE
}

freeze() {
    kind=$1
    shift
    if [ -e "$fixtures/$kind" ]; then
        echo "$kind: is there already" >&2
        return
    fi
    # shellcheck disable=SC2086
    "$targum" train "$kind.toml" --out "$kind" --threads 1 --device cpu "$@" >/dev/null 2>log || { cat log >&2; exit 1; }
    mkdir -p "$fixtures/$kind"
    cp "$kind/recipe.toml" "$fixtures/$kind/"
    cp -R "$kind"/step-* "$fixtures/$kind/"
    if [ -e "corpus/$kind.is-a-study" ]; then
        cp "$kind/test.json" "$fixtures/$kind/expected.json"
    else
        # Lines that it has learned, so that what it says depends on them, and lines that it has not.
        for side in en fr; do
            { head -n 4 corpus/train.$side && head -n 2 corpus/test.$side; } >"$fixtures/$kind/input.$side"
        done
        "$targum" translate --model "$fixtures/$kind"/step-* --format jsonl --threads 1 --device cpu "$fixtures/$kind/input.en" \
            >"$fixtures/$kind/expected.jsonl"
        "$targum" score --model "$fixtures/$kind"/step-* --threads 1 --device cpu --source "$fixtures/$kind/input.en" \
            --target "$fixtures/$kind/input.fr" >"$fixtures/$kind/expected.scores"
    fi
    echo "$kind: $(du -sk "$fixtures/$kind" | cut -f 1) KiB" >&2
}

recurrent='[model.recurrent]
embedding = 10
hidden = 14'
translation none 'kind = "word"
size = 150' "$recurrent
decoder = { kind = \"none\" }"
translation bahdanau 'size = 200
byte_fallback = false' "$recurrent
cell = \"gru\"
decoder = { kind = \"bahdanau\" }"
translation luong 'kind = "word"
joint = false
size = 150' "$recurrent
decoder = { kind = \"luong\", input_feeding = true }"
translation transformer 'kind = "unigram"
size = 200
byte_fallback = false' '[model.transformer]
dimension = 12
encoder = { layers = 2, heads = 2, feed_forward = 24 }
decoder = { layers = 1, heads = 2, feed_forward = 24 }'

small='--set training.updates=2 --set training.validate_every=2 --set training.log_every=1 --set training.pictures=0 --set training.keep_last=1'
kinds=${*:-none bahdanau luong transformer tape pointing questions}
for kind in $kinds; do
    case $kind in
    tape)
        cp "$root/configs/ntm-copy.toml" tape.toml
        touch corpus/tape.is-a-study
        # shellcheck disable=SC2086
        freeze tape $small --set name=tape --set task.tape.stretch=1 --set task.tape.problem.copy.length=12 --set task.tape.batch=4 \
            --set task.tape.tested=8 --set task.tape.model.ntm.hidden=8 --set task.tape.model.ntm.slots=12 --set task.tape.model.ntm.width=6
        ;;
    pointing)
        cp "$root/configs/pointer-sort.toml" pointing.toml
        touch corpus/pointing.is-a-study
        # shellcheck disable=SC2086
        freeze pointing $small --set name=pointing --set task.pointing.batch=2 --set task.pointing.tested=4 --set task.pointing.hidden=8
        ;;
    questions)
        cp "$root/configs/memn2n-babi.toml" questions.toml
        touch corpus/questions.is-a-study
        mkdir -p corpus/stories
        for part in train test; do
            for _ in 1 2 3 4 5 6 7 8 9 10; do printf '1 Ada slept.\n2 Ben ran.\n3 Cem sang.\n4 Who sang?\tCem\t3\n'; done >"corpus/stories/qa7_stories_$part.txt"
        done
        # shellcheck disable=SC2086
        freeze questions $small --set name=questions --set 'task.questions.folder="corpus/stories"' --set 'task.questions.tasks=[7]' \
            --set task.questions.size=6
        ;;
    *) freeze "$kind" ;;
    esac
done
