#!/bin/sh
# Every memory on the same problems (exercise 8-4): trains what has not been trained (a run that was stopped goes on), and writes the table
# of docs/memory.md with the share of wrong bits within and beyond the lengths trained on. Usage: scripts/memories.sh [PROBLEM-MEMORY…] for some
# cells only; THREADS=n, TARGUM=another binary, UPDATES=n (2,000) for another budget, TABLE=only for the table of what there is.
set -eu
targum=${TARGUM:-target/release/targum}
threads=${THREADS:+--threads $THREADS}
updates=${UPDATES:-2000}
page=docs/memory.md
wanted=$*

problems="copy reverse recall sort tree-navigation"
memories="lstm stack queue deque tape set tree fast-weights"

problem() {
    case $1 in
        copy) echo '--set task.tape.problem={copy={length=10}}' ;;
        reverse) echo '--set task.tape.problem={reverse={length=10}}' ;;
        recall) echo '--set task.tape.problem={associative-recall={items=4}}' ;;
        sort) echo '--set task.tape.problem={priority-sort={length=8,sorted=6}}' ;;
        tree-navigation) echo '--set task.tape.problem={tree-navigation={depth=2}}' ;;
    esac
}

# Each with 100 cells, the LSTM alone with two layers of them; the rates are those with which the memories learn elsewhere in the house.
memory() {
    case $1 in
        lstm) echo '--set task.tape.model={lstm={hidden=100,layers=2}}' ;;
        stack | queue | deque) echo "--set task.tape.model.stack-queue.kind=$1" ;;
        tape) echo '--set task.tape.model={ntm={slots=32}}' ;;
        set) echo '--set task.tape.model=set --set training.optimizer.adam.learning_rate=0.01' ;;
        tree) echo '--set task.tape.model=tree --set training.optimizer.adam.learning_rate=0.01' ;;
        fast-weights) echo '--set task.tape.model={fast-weights={hidden=100}}' ;;
    esac
}

if [ "${TABLE:-}" != only ]; then
    for problem in $problems; do
        for memory in $memories; do
            name=memories-$problem-$memory
            case " ${wanted:-$problem-$memory} " in *" $problem-$memory "*) ;; *) continue ;; esac
            [ ! -e "checkpoints/$name/test.md" ] || continue
            resume=
            [ -e "checkpoints/$name/last" ] && resume=--resume
            # shellcheck disable=SC2046,SC2086
            "$targum" train configs/memories.toml --out "checkpoints/$name" --set name="$name" $resume $threads \
                $(problem "$problem") $(memory "$memory") --set training.updates="$updates" \
                --set training.schedule.step.start=$((updates * 6 / 10)) --set training.schedule.step.every=$((updates / 10)) >/dev/null
        done
    done
fi

# share NAME PLACE: the share of wrong bits.
share() {
    awk -F'|' -v place="% of bits wrong, $2," 'index($3, place) { printf "%.1f", $4 }' "checkpoints/$1/test.md"
}

rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
{
    printf '\n| memory |'
    for problem in $problems; do printf ' %s |' "$problem"; done
    printf '\n|---|'
    for problem in $problems; do printf -- '---:|'; done
    echo
    for memory in $memories; do
        printf '| %s |' "$memory"
        for problem in $problems; do
            name=memories-$problem-$memory
            if [ -e "checkpoints/$name/test.md" ]; then
                printf ' %s, %s |' "$(share "$name" within)" "$(share "$name" beyond)"
            else
                printf ' – |'
            fi
        done
        echo
    done
    echo
} >"$rows"
awk -v rows="$rows" '
    /<!-- end of memories -->/ { inside = 0 }
    !inside { print }
    /<!-- memories -->/ {
        inside = 1
        while ((getline line < rows) > 0) print line
    }' "$page" >"$page.new"
mv "$page.new" "$page"
