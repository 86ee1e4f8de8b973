#!/usr/bin/env bash
# Whether Targum does on a GPU what it does on the CPU, and how fast: one command of some minutes for a machine that has an NVIDIA GPU and Python with
# torch 2.11 (CUDA), whose libraries are used. Writes a Markdown report and exits non-zero where a check failed.
# Usage: scripts/gpu-check.sh [--rehearse] [REPORT]. --rehearse: the same on the CPU, small, without what only a GPU can tell.
# TARGUM=the program, TARGUM_TESTS=the binary of tests/tests.rs (`cargo test --release --no-run` names it), PYTHON=another Python.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rehearsal=
[ "${1:-}" != --rehearse ] || { rehearsal=1; shift; }
report=$(realpath -m "${1:-gpu-check.md}")
targum=$(realpath "${TARGUM:-$root/target/release/targum}")
tests=${TARGUM_TESTS:?names the binary of tests/tests.rs; cargo test --release --no-run tells where it is}
python=${PYTHON:-python3}
device=cuda updates=200 lines=1000 long=120 every=20 precisions="fp32 bf16 fp16" fast="fp32 bf16"
[ -z "$rehearsal" ] || { device=cpu updates=4 lines=10 long=2 every=2 precisions=fp32 fast=fp32; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

if [ -z "$rehearsal" ]; then
    libraries=$("$python" -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')
    export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
cd "$work"
: >"$report"

say() { echo "$*" | tee -a "$report" >&2; }

# check NAME COMMAND…: a row that says whether the command succeeds; what it printed last stands beside it.
check() {
    local name=$1 start=$SECONDS verdict=good
    shift
    "$@" >output 2>messages || { verdict=FAILED failed=$((failed + 1)); tail -n 20 messages output >&2; }
    say "| $name | $verdict | $(tail -n 1 output | tr '|\n' '/ ') | $((SECONDS - start)) s |"
}

rate() { grep -o '"target_tokens_per_second":[0-9.]*' "$1/log.jsonl" | tail -n 1 | cut -d : -f 2 | cut -d . -f 1; }

# run NAME RECIPE SETTING…: trains into the folder NAME, and says how fast.
run() {
    local name=$1 recipe=$2
    shift 2
    local settings=()
    for setting; do settings+=(--set "$setting"); done
    "$targum" train "$root/configs/$recipe.toml" --out "$name" --device $device "${settings[@]}" \
        --set training.pictures=0 --set training.log_every=$every --set 'data={train="data/train",validation="data/validation"}'
    echo "$(rate "$name") target tokens a second"
}

say "## GPU, $(date -u +%Y-%m-%d)"
say
say '```'
"$targum" doctor 2>&1 | tee -a "$report" >&2 || true
[ -n "$rehearsal" ] || nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee -a "$report" >&2
say '```'
say
"$targum" data synth --out data >/dev/null 2>&1
head -n "$lines" data/test.en >lines.en
head -n "$lines" data/test.fr >lines.fr

# Where the GPU is not to be had although it is asked for, nothing below would mean anything.
"$targum" translate --help >/dev/null
TARGUM_TEST_DEVICE=$device "$tests" gpu::every_model_does_on_the_device_what_it_does_on_the_cpu --exact --nocapture >models 2>messages ||
    { failed=$((failed + 1)); say "FAILED: the models differ"; tail -n 40 messages >&2; }
sed -n '/^| /p; /^|--/p' models | tee -a "$report" >&2
grep -q '^| transformer |' models || { failed=$((failed + 1)); say "FAILED: no model was compared"; }

say
say "| check | verdict | said | time |"
say "|---|---|---|---:|"
luong=(model.recurrent.decoder='{kind="luong",hidden=128,input_feeding=true}' model.recurrent.attention='{score="general"}')
short=("training.updates=$updates" "training.validate_every=$updates" training.validation_sentences=20)
for precision in $precisions; do
    check "training in $precision" run "bahdanau-$precision" demo "${short[@]}" training.precision=$precision
    check "training in $precision, Luong" run "luong-$precision" demo "${luong[@]}" "${short[@]}" training.precision=$precision
    check "training in $precision, Transformer" run "transformer-$precision" demo-transformer "${short[@]}" training.precision=$precision
done

killed() {
    "$targum" train "$root/configs/demo-transformer.toml" --out killed --device $device --set training.updates=$((3 * updates)) \
        --set training.validate_every=$((updates / 2)) --set training.validation_sentences=5 --set training.pictures=0 \
        --set 'data={train="data/train",validation="data/validation"}' &
    for _ in $(seq 3000); do [ ! -e killed/last ] || break; sleep 0.1; done
    kill -9 $!
    wait $! || true
    "$targum" train killed --resume --device $device
    grep -q '"kind":"resumed"' killed/log.jsonl && [ -e "killed/step-$(printf %08d $((3 * updates)))" ] && echo resumed
}
check "resumed after a kill" killed

# same COMMAND…: how many lines are the same on the device as on the CPU; ties may fall otherwise, so two in a hundred may differ.
same() {
    "$targum" "$@" --device cpu >cpu
    "$targum" "$@" --device $device >there
    local all equal
    all=$(wc -l <cpu) equal=$(paste cpu there | awk -F '\t' '$1 == $2' | wc -l)
    echo "$equal of $all lines"
    [ "$all" -gt 0 ] && [ "$((100 * equal))" -ge "$((98 * all))" ]
}
for model in bahdanau luong transformer; do
    check "translations equal to the CPU's" same translate --model $model-fp32 lines.en
    check "greedy ones" same translate --model $model-fp32 --beam 1 lines.en
    check "alignments" same align --model $model-fp32 --source lines.en --target lines.fr
done

say
say "Training, target tokens a second, and translation, sentences a second:"
say
say "| model | what | Targum |"
say "|---|---|---:|"
base=(model.transformer.dimension=512 'model.transformer.encoder={layers=6,heads=8,feed_forward=2048}'
    'model.transformer.decoder={layers=6,heads=8,feed_forward=2048}')
[ -z "$rehearsal" ] || base=(model.transformer.dimension=64)
sizes=("training.updates=$long" "training.validate_every=$long" training.validation_sentences=5)
[ -n "$rehearsal" ] || sizes+=(training.batch_tokens=16384)
for precision in $fast; do
    for model in base tiny luong; do
        case $model in
        base) set -- demo-transformer "${base[@]}" ;;
        tiny) set -- demo-transformer ;;
        luong) set -- demo "${luong[@]}" model.recurrent.hidden=256 model.recurrent.decoder.hidden=512 ;;
        esac
        name=$model-$precision-fast
        if run "$name" "$@" "${sizes[@]}" training.precision=$precision >output 2>messages; then
            say "| $model | training in $precision | $(rate "$name") |"
        else
            failed=$((failed + 1))
            tail -n 20 messages >&2
            say "| $model | training in $precision | FAILED |"
        fi
    done
done
for model in base tiny luong; do
    for beam in 1 5; do
        start=$(date +%s.%N)
        if "$targum" translate --model $model-fp32-fast --device $device --beam $beam lines.en >output 2>messages; then
            say "| $model | beam $beam | $(echo "$start $(date +%s.%N) $lines" | awk '{ printf "%.0f", $3 / ($2 - $1) }') |"
        else
            failed=$((failed + 1))
            say "| $model | beam $beam | FAILED |"
        fi
    done
done
if [ -z "$rehearsal" ]; then
    say
    "$python" "$root/scripts/gpu_peer.py" | tee -a "$report" >&2
fi
say
say "$failed checks failed"
[ "$failed" = 0 ]
