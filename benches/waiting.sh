#!/bin/sh
# How threads that wait for the next operation should wait, measured: training, and translation of one line at a time on all threads, on a
# machine that is idle and on one whose cores all have something else to do. Prints seconds as a Markdown table; docs/training.md has one.
# Usage: benches/waiting.sh [WAITING ...]. A WAITING is `default` (what Targum sets itself), or variables for the environment, such as
# OMP_WAIT_POLICY=passive; `one` is one thread. LINES=lines to translate, UPDATES=updates to train, TARGUM=another binary.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
targum=${TARGUM:-$root/target/release/targum}
lines=${LINES:-100} updates=${UPDATES:-40}
work=$(mktemp -d)
others=
stop_others() { [ -z "$others" ] || kill $others 2>/dev/null || true; others=; }
trap 'stop_others; rm -rf "$work"' EXIT
cores=$(nproc)

cd "$work"
"$targum" data synth --out data/synth >/dev/null 2>&1
head -n "$lines" data/synth/test.en >lines
for model in demo demo-transformer; do
    "$targum" train "$root/configs/$model.toml" --out $model --set training.updates=1 --set training.validate_every=1 \
        --set training.validation_sentences=1 >/dev/null 2>&1
done

# Seconds of a command.
timed() {
    start=$(date +%s.%N)
    timeout 600 "$@" >/dev/null 2>log || { echo "more than 600"; return; }
    echo "$start $(date +%s.%N)" | awk '{ printf "%.1f", $2 - $1 }'
}

row() {
    label=$1 threads=$2
    shift 2
    cells=
    for model in demo demo-transformer; do
        rm -rf run
        train=$(timed env "$@" "$targum" train "$root/configs/$model.toml" --out run --threads "$threads" --set "training.updates=$updates" \
            --set training.validate_every=100000 --set training.pictures=0 --set 'data={train="data/synth/train",validation="data/synth/validation"}')
        translate=$(timed env "$@" "$targum" translate --model $model --threads "$threads" --workers 1 --batch-tokens 1 --beam 1 lines)
        cells="$cells | $train | $translate"
    done
    echo "| $label | $state$cells |"
}

echo "| waiting | machine | recurrent: $updates updates | $lines lines | Transformer: $updates updates | $lines lines |"
echo "|---|---|---:|---:|---:|---:|"
[ $# -gt 0 ] || set -- one default GOMP_SPINCOUNT=300000 GOMP_SPINCOUNT=10000 GOMP_SPINCOUNT=1000 OMP_WAIT_POLICY=passive
for state in idle busy; do
    if [ $state = busy ]; then
        for _ in $(seq "$cores"); do
            while :; do :; done &
            others="$others $!"
        done
    fi
    for waiting; do
        case $waiting in
        one) row "one thread" 1 LC_ALL=C ;;
        default) row "as Targum sets it" "$cores" LC_ALL=C ;;
        # shellcheck disable=SC2086
        *) row "\`$waiting\`" "$cores" $waiting ;;
        esac
    done
    stop_others
done
