#!/bin/sh
# Alignment error rate of every layer and head of a Transformer on the built-in corpus, without and with guided alignment: a table each, on
# the test set. The one that each checkpoint shows was chosen on validation. Usage: scripts/results-alignment.sh; some minutes on 2 cores, what
# is there already is not trained again. THREADS=n for each training, TARGUM=another binary.
set -eu
targum=${TARGUM:-target/release/targum}
threads=${THREADS:+--threads $THREADS}
data=data/synth
[ -e $data/train.en ] || $targum data synth --out $data

# error_rate FOLDER OPTIONS…: of the links that a model gives the test set.
error_rate() {
    folder=$1
    shift
    $targum align --model "$folder" --source $data/test.en --target $data/test.fr "$@" 2>/dev/null >"$folder/links"
    $targum evaluate --alignment "$folder/links" --gold $data/test.gold --gold-base 0 | sed 's/^AER = \([0-9.]*\).*/\1/'
}

for guided in no yes; do
    folder=checkpoints/results-alignment/guided-$guided
    if [ ! -e "$folder/test.json" ]; then
        settings=
        if [ $guided = yes ]; then
            settings="--set data.alignment=$data/train.gold --set training.guided_alignment.weight=0.05"
            settings="$settings --set training.guided_alignment.layer=1 --set training.guided_alignment.head=0"
        fi
        resume=
        [ -e "$folder/last" ] && resume=--resume
        # shellcheck disable=SC2086
        $targum train configs/demo-transformer.toml --out "$folder" $resume $threads $settings >/dev/null
    fi
    echo "## guided alignment: $guided"
    python3 - "$folder/test.json" <<'PYTHON'
import json, sys
test = json.load(open(sys.argv[1]))
print(f"BLEU {test['bleu']['value']:.1f}, AER {test['aer']:.3f} as the checkpoint shows it")
PYTHON
    $targum inspect "$folder" 2>/dev/null | grep '^attention'
    echo "| layer | head 0 | head 1 | head 2 | head 3 | mean |"
    echo "|---|---:|---:|---:|---:|---:|"
    for layer in 0 1 2 mean; do
        row="| $layer |"
        for head in 0 1 2 3 mean; do
            row="$row $(error_rate "$folder" --layer $layer --head $head) |"
        done
        echo "$row"
    done
done
