#!/bin/sh
# The small Transformer on Multi30k, English to German and to French: trains (an hour or more each on 2 cores; a run that was stopped goes on), averages
# the last 10 checkpoints, translates test_2016_flickr by beam 5 and scores it twice: as sacreBLEU counts raw text (13a, lowercase), and as the
# literature of this data set counts, on text that is lowercased, normalised and cut by Moses. Usage: scripts/results-transformer.sh [de fr];
# THREADS=n, PRECISION=bf16, TARGUM=another binary, PYTHON=another Python (3.10 or newer, for Moses' tokenizer, installed in checkpoints/).
set -eu
targum=${TARGUM:-target/release/targum}
threads=${THREADS:+--threads $THREADS}
precision=${PRECISION:-fp32}
data=data/multi30k
tools=checkpoints/.moses
[ -e $data/train.en ] || $targum data multi30k
[ -x $tools/bin/sacremoses ] || { "${PYTHON:-python3}" -m venv $tools && $tools/bin/pip install --quiet sacremoses==0.2.0; }

# moses LANGUAGE: lines as the data set's own `lc.norm.tok` files have them.
moses() {
    "$tools/bin/python" -X utf8 -c 'import sys; sys.stdout.writelines(line.lower() for line in sys.stdin)' |
        "$tools/bin/sacremoses" -l "$1" -q normalize tokenize
}

for language in ${*:-de fr}; do
    run=checkpoints/multi30k-en-$language-transformer
    average=$run-average
    if [ ! -e "$run/test.json" ]; then
        resume=
        [ -e "$run/last" ] && resume=--resume
        # shellcheck disable=SC2086
        $targum train configs/multi30k-en-$language-transformer.toml $resume $threads \
            --set training.precision=$precision >/dev/null
    fi
    [ -e "$average" ] || $targum average --model "$run" --last 10 --out "$average"
    # shellcheck disable=SC2086
    $targum translate --model "$average" $threads $data/test_2016_flickr.en >"$average.hypothesis"
    moses "$language" <"$average.hypothesis" >"$average.hypothesis.tok"
    moses "$language" <$data/test_2016_flickr.$language >"$average.reference.tok"
    echo "## English to $language"
    $targum evaluate --reference $data/test_2016_flickr.$language --hypothesis "$average.hypothesis" --lowercase
    $targum evaluate --reference "$average.reference.tok" --hypothesis "$average.hypothesis.tok" --tokenize none --metrics bleu
done
