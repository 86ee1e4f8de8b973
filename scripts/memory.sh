#!/bin/sh
# Every study of docs/studies.md: trains what has not been trained (a run that was stopped goes on), examines it, and writes the table and the
# pictures of docs/memory.md. Usage: scripts/memory.sh [NAME…] for some runs only; THREADS=n, TARGUM=another binary,
# BABI=folder of the bAbI tasks.
set -eu
targum=${TARGUM:-target/release/targum}
threads=${THREADS:+--threads $THREADS}
page=docs/memory.md
wanted=$*
babi=${BABI:-data/babi}

# The runs of the table.
runs=

# run NAME CONFIG [OPTION…]: trains and examines, where that has not been done.
run() {
    name=$1 config=$2
    shift 2
    if [ ! -e "checkpoints/$name/test.md" ]; then
        resume=
        [ -e "checkpoints/$name/last" ] && resume=--resume
        # shellcheck disable=SC2086
        "$targum" train "configs/$config.toml" --out "checkpoints/$name" --set name="$name" $resume $threads "$@" >/dev/null
    fi
}

# is_wanted NAME: and it has rows in the table.
is_wanted() {
    runs="$runs $1"
    case " ${wanted:-$1} " in *" $1 "*) ;; *) return 1 ;; esac
}

# study NAME CONFIG [OPTION…]: one run.
study() {
    ! is_wanted "$1" || run "$@"
}

# best NAME CONFIG [OPTION…]: three runs with seeds of their own, of which the one with the fewest wrong answers in training counts.
best() {
    is_wanted "$1" && [ ! -e "checkpoints/$1/test.md" ] || return 0
    all=$1 of=$2
    shift 2
    for seed in 1 2 3; do
        run "$all-$seed" "$of" --set seed=$seed "$@"
    done
    least=$(awk -F'|' '/error on the training questions/ { print $4 + 0, $2 }' "checkpoints/$all"-[123]/test.md |
        sort -n | awk 'NR == 1 { print $2 }')
    mkdir -p "checkpoints/$all"
    cp "checkpoints/$least"/*.svg "checkpoints/$least"/*.png "checkpoints/$all/"
    sed "s/^| $least |/| $all |/" "checkpoints/$least/test.md" >"checkpoints/$all/test.md"
}

# alone NAME TASK [OPTION…]: trains one of the bAbI tasks by itself.
alone() {
    alone=$1 task=$2
    shift 2
    run "$alone" memn2n-babi --set "task.questions.tasks=[$task]" --set task.questions.size=20 --set task.questions.linear_rate=0.5 \
        --set training.epochs=140 --set training.schedule.luong-halving.after=65 --set training.schedule.luong-halving.every=25 \
        --set training.validate_every=29 --set training.log_every=29 --set training.metric=loss "$@"
}

# each NAME [OPTION…]: all of the bAbI tasks, each by itself; of every run the row of its task, and their mean.
each() {
    is_wanted "$1" && [ ! -e "checkpoints/$1/test.md" ] || return 0
    all=$1
    shift
    mkdir -p "checkpoints/$all"
    for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        alone "$all-$number" "$number" "$@"
        sed -n "s/^| $all-$number |/| $all |/;1p" "checkpoints/$all-$number/test.md"
    done >"checkpoints/$all/rows"
    mean=$(awk -F'|' '{ sum += $4 } END { printf "%.1f", sum / NR }' "checkpoints/$all/rows")
    echo "| $all | mean error of the 20 tasks, % | $mean | | 13.9, best of 10 runs |" |
        cat - "checkpoints/$all/rows" >"checkpoints/$all/test.md"
}

# translation NAME CONFIG [OPTION…]: a translation model on the built-in corpus; its rows come from its scores on the test set.
translation() {
    is_wanted "$1" && [ ! -e "checkpoints/$1/test.md" ] || return 0
    [ -e data/synth/train.en ] || "$targum" data synth --out data/synth
    run "$@"
    awk -F'[:,]' -v name="$1" '
        /"bleu"/ { inside = 1 }
        inside && /"value"/ { printf "| %s | BLEU, English to French, built-in corpus | %.1f | | |\n", name, $2; inside = 0 }
        /"aer"/ { printf "| %s | alignment error rate | %.3f | | |\n", name, $2 }' "checkpoints/$1/test.json" >"checkpoints/$1/rows"
    mv "checkpoints/$1/rows" "checkpoints/$1/test.md"
}

# picture NAME FILE: a figure of a run for the page.
picture() {
    [ ! -e "checkpoints/$1/$2" ] || cp "checkpoints/$1/$2" "docs/images/$1-$2"
}

study ntm-copy ntm-copy
study lstm-copy lstm-copy
study ntm-repeat-copy ntm-repeat-copy
study lstm-repeat-copy ntm-repeat-copy --set task.tape.model=lstm --set training.optimizer.adam.learning_rate=0.002 --set task.tape.stretch=1
study ntm-associative-recall ntm-associative-recall
study set-associative-recall ntm-associative-recall --set task.tape.model=set \
    --set training.optimizer.adam.learning_rate=0.01 --set training.clip_norm=10
study tree-associative-recall ntm-associative-recall --set task.tape.model=tree \
    --set training.optimizer.adam.learning_rate=0.01 --set training.clip_norm=10
study lstm-associative-recall ntm-associative-recall --set task.tape.model=lstm \
    --set training.optimizer.adam.learning_rate=0.003 --set training.clip_norm=10
study ntm-dynamic-ngrams ntm-dynamic-ngrams
study lstm-dynamic-ngrams ntm-dynamic-ngrams --set task.tape.model=lstm --set task.tape.model.lstm.hidden=128 \
    --set training.optimizer.adam.learning_rate=0.005 --set training.schedule.step.start=4500 --set training.schedule.step.every=500 \
   
study ntm-priority-sort ntm-priority-sort
study lstm-priority-sort ntm-priority-sort --set task.tape.model=lstm --set task.tape.model.lstm.hidden=128
study stack-reverse stack-reverse
study queue-copy queue-copy
study queue-flip queue-copy --set task.transduction.problem=bigram-flip
study deque-flip deque-flip
study lstm-reverse stack-reverse --set task.transduction.model=lstm
for units in 10 20 50; do
    study fast-weights-$units fast-weights-retrieval --set task.retrieval.model.fast-weights.hidden=$units
    study lstm-retrieval-$units fast-weights-retrieval --set "task.retrieval.model={lstm={hidden=$units,layers=1}}"
done
study hopfield-capacity hopfield-capacity
study hopfield-recall hopfield-recall
study hopfield-dynamics hopfield-dynamics
study hopfield-pairs hopfield-pairs
study needle-sets needle-sets
study lookup-sets needle-sets --set task.sets.pooling=lookup
study average-sets needle-sets --set task.sets.pooling=average
if [ -d "$babi" ]; then
    best memn2n-babi memn2n-babi --set task.questions.folder="$babi"
    each memn2n-alone --set task.questions.folder="$babi"
    ! is_wanted memn2n-softmax || alone memn2n-softmax 16 --set task.questions.folder="$babi" --set task.questions.linear_start=0
else
    echo "no folder $babi: memory networks are left out; data/README.md says where the bAbI tasks are, BABI=DIR names another folder" >&2
    runs="$runs memn2n-babi memn2n-alone memn2n-softmax"
fi
study pointer-sort pointer-sort
study attention-sort pointer-sort --set task.pointing.model=attention
study pointer-hull pointer-hull
study attention-hull pointer-hull --set task.pointing.model=attention
study hierarchical-classify hierarchical-classify
study average-classify hierarchical-classify --set task.documents.pooling=average
study queries queries
study queries-shared queries --set task.queries.shared=true
study reading reading
if [ -d "$babi" ]; then
    study reading-babi reading --set task.reading.folder="$babi"
else
    runs="$runs reading-babi"
fi
study structured-transduce structured-transduce
study simple-transduce structured-transduce --set task.trees.attention=simple
study unattended-transduce structured-transduce --set task.trees.attention=none
study captions-soft captions-soft
study captions-hard captions-hard

translation soft-attention hard-attention --set 'model.recurrent.attention={score="general"}'
translation hard-attention hard-attention
translation demo-hopfield demo-hopfield --init checkpoints/soft-attention
translation feeding demo-tape --set 'model.recurrent={embedding=128,hidden=64,cell="gru",initialization="unit-embeddings",decoder={hidden=128,input_feeding=true},attention={score="general"}}'
translation demo-tape demo-tape

picture ntm-copy heads.svg
picture ntm-repeat-copy heads.png
picture ntm-associative-recall heads.svg
picture ntm-dynamic-ngrams heads.png
picture hopfield-capacity capacity.svg
picture hopfield-capacity growth.svg
picture hopfield-capacity retrieval.svg
picture hopfield-recall letters.svg
picture hopfield-dynamics oscillation.svg
picture hopfield-dynamics temperature.svg
picture hopfield-dynamics boltzmann.svg
picture hopfield-pairs names.svg
picture needle-sets sizes.svg
picture hopfield-pairs capacity.svg
picture memn2n-babi task-2.svg
picture memn2n-babi task-16.svg
picture pointer-sort pointing.svg
picture pointer-hull hull.svg
picture hierarchical-classify document.svg
picture captions-soft caption.svg
picture captions-hard caption.svg
picture queries queries.svg
picture reading passage.svg
picture reading attention.svg
picture structured-transduce parents.svg
picture simple-transduce parents.svg

# The rows of all runs that there are, in this order, between the two marks of the page.
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for name in $runs; do
    [ ! -e "checkpoints/$name/test.md" ] || cat "checkpoints/$name/test.md"
done >"$rows"
awk -v rows="$rows" '
    /<!-- end of results -->/ { inside = 0 }
    !inside { print }
    /<!-- results -->/ {
        inside = 1
        print "\n| run | what | found | aim | paper |\n|---|---|---:|---|---|"
        while ((getline line < rows) > 0) print line
        print ""
    }' "$page" >"$page.new"
mv "$page.new" "$page"
