#!/bin/sh
# Every study of docs/studies.md: trains what has not been trained (a run that was stopped goes on), examines it, and writes the table and the
# pictures of docs/memory.md. Usage: scripts/memory.sh [NAME…] for some runs only; THREADS=n, TARGUM=another binary.
set -eu
targum=${TARGUM:-target/release/targum}
threads=${THREADS:+--threads $THREADS}
page=docs/memory.md
wanted=$*

# study NAME CONFIG [OPTION…]: one run.
study() {
    name=$1 config=$2
    shift 2
    case " ${wanted:-$name} " in *" $name "*) ;; *) return 0 ;; esac
    if [ ! -e "checkpoints/$name/test.md" ]; then
        resume=
        [ -e "checkpoints/$name/last" ] && resume=--resume
        # shellcheck disable=SC2086
        "$targum" train "configs/$config.toml" --out "checkpoints/$name" --set name="$name" $resume $threads "$@" >/dev/null
    fi
}

# picture NAME FILE: a figure of a run for the page.
picture() {
    [ ! -e "checkpoints/$1/$2" ] || cp "checkpoints/$1/$2" "docs/images/$1-$2"
}

study ntm-copy ntm-copy
study lstm-copy lstm-copy
study ntm-repeat-copy ntm-repeat-copy
study lstm-repeat-copy ntm-repeat-copy --set task.tape.model=lstm
study ntm-associative-recall ntm-associative-recall
study set-associative-recall ntm-associative-recall --set task.tape.model=set
study tree-associative-recall ntm-associative-recall --set task.tape.model=tree
study lstm-associative-recall ntm-associative-recall --set task.tape.model=lstm
study ntm-dynamic-ngrams ntm-dynamic-ngrams
study lstm-dynamic-ngrams ntm-dynamic-ngrams --set task.tape.model=lstm --set task.tape.model.lstm.hidden=128
study ntm-priority-sort ntm-priority-sort
study lstm-priority-sort ntm-priority-sort --set task.tape.model=lstm --set task.tape.model.lstm.hidden=128
study stack-reverse stack-reverse
study queue-copy queue-copy
study lstm-reverse stack-reverse --set task.transduction.model=lstm
study hopfield-capacity hopfield-capacity
study hopfield-recall hopfield-recall
study pointer-sort pointer-sort
study attention-sort pointer-sort --set task.pointing.model=attention
study pointer-hull pointer-hull
study attention-hull pointer-hull --set task.pointing.model=attention
study hierarchical-classify hierarchical-classify
study average-classify hierarchical-classify --set task.documents.pooling=average
study structured-transduce structured-transduce
study simple-transduce structured-transduce --set task.trees.attention=simple
study unattended-transduce structured-transduce --set task.trees.attention=none

picture ntm-copy heads.svg
picture ntm-associative-recall heads.svg
picture hopfield-capacity capacity.svg
picture hopfield-capacity growth.svg
picture hopfield-recall letters.svg
picture pointer-sort pointing.svg
picture pointer-hull hull.svg
picture hierarchical-classify document.svg
picture structured-transduce parents.svg
picture simple-transduce parents.svg

# The rows of all runs that there are, in this order, between the two marks of the page.
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
sed -n 's/^study \([a-z0-9-]*\) .*/\1/p' "$0" | while read -r name; do
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
