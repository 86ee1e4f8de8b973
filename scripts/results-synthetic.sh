#!/bin/sh
# BLEU and alignment error rate of every attention on the built-in corpus: a table row for each, over the demo's recipe.
# Usage: scripts/results-synthetic.sh. Three to five minutes a row on 1 core; what is there already is not trained again.
# THREADS=n for each training, TARGUM=another binary.
set -eu
targum=${TARGUM:-target/release/targum}
threads=${THREADS:+--threads $THREADS}
runs=checkpoints/results-synthetic
decoder=model.recurrent.decoder
attention=model.recurrent.attention

row() {
    name=$1
    shift
    folder=$runs/$(echo "$name" | tr ' ,' '--')
    if [ ! -e "$folder/test.json" ]; then
        resume=
        [ -e "$folder/last" ] && resume=--resume
        settings=
        for setting in "$@"; do settings="$settings --set $setting"; done
        # shellcheck disable=SC2086
        $targum train "$runs/base.toml" --out "$folder" $resume $threads $settings >/dev/null
    fi
    python3 - "$name" "$folder" <<'PYTHON'
import json, sys
name, folder = sys.argv[1:]
test = json.load(open(f"{folder}/test.json"))
entries = [json.loads(line) for line in open(f"{folder}/log.jsonl")]
stopped = [entry for entry in entries if entry["kind"] == "stopped"][-1]
aer = "–" if test["aer"] is None else f"{test['aer']:.3f}"
print(f"| {name} | {test['bleu']['value']:.1f} | {test['chrf']['value']:.1f} | {aer} | {test['perplexity']:.3f} "
      f"| {stopped['elapsed_seconds'] / 60:.1f} |", flush=True)
PYTHON
}

# The demo's recipe without its attention, which every row names for itself, and with the same longer schedule for all: at the demo's
# 3,000 updates Luong's models are still learning to attend.
mkdir -p $runs
sed -e '/^\[model.recurrent.attention\]/,/^$/d' -e 's/^schedule = .*/schedule = { step = { start = 5000, every = 500, factor = 0.6 } }/' \
    -e 's/^updates = .*/updates = 8000/' -e 's/^validate_every = .*/validate_every = 1000/' configs/demo.toml > $runs/base.toml

# Luong's models, whose attention comes after the cell, start with larger embeddings: with the demo's they learn to attend late, one word
# beside the one that is translated. Bahdanau's do better without.
luong() {
    name=$1
    shift
    row "$name" $decoder.kind=luong $decoder.hidden=128 model.recurrent.initialization=unit-embeddings "$@"
}

echo "| model | BLEU | chrF | AER | perplexity | minutes |"
echo "|---|---:|---:|---:|---:|---:|"
row "no attention" $decoder.kind=none
row "Bahdanau"
row "Bahdanau, coverage" $attention.score=additive $attention.coverage=true
for score in dot general concat location; do
    luong "Luong global $score" $attention.score=$score
done
for choice in local-m local-p; do
    for score in dot general; do
        luong "Luong $choice $score" $attention.choice=$choice $attention.score=$score
    done
done
luong "Luong global additive" $attention.score=additive
luong "Luong global scaled-dot" $attention.score=scaled-dot
luong "Luong global general, input feeding" $decoder.input_feeding=true $attention.score=general
luong "Luong local-p general, input feeding" $decoder.input_feeding=true $attention.choice=local-p $attention.score=general
luong "Luong global general, input feeding, coverage" $decoder.input_feeding=true $attention.score=general $attention.coverage=true
