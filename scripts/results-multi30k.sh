#!/bin/sh
# Multi30k English-German: trains the three recipes (up to an hour each on 2 cores; a run that was stopped goes on), then BLEU on
# test_2016_flickr as sacreBLEU counts it (13a, lowercase, raw text) and BLEU by source length.
set -eu
targum=${TARGUM:-target/release/targum}
data=data/multi30k
[ -e $data/train.en ] || $targum data multi30k
for model in none bahdanau luong; do
    run=checkpoints/multi30k-en-de-$model
    if [ ! -e "$run/test.json" ]; then
        resume=
        [ -e "$run/last" ] && resume=--resume
        $targum train configs/multi30k-en-de-$model.toml $resume >/dev/null
    fi
    echo "## $model"
    $targum evaluate --reference $data/test_2016_flickr.de --hypothesis "$run/test.de" --lowercase \
        --by-length $data/test_2016_flickr.en
done
