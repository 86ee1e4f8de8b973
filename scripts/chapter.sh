#!/usr/bin/env bash
# The chapter as a book (docs/chapter): runs the commands of its pages that leave pictures, puts the pictures into copies of the pages, and has mdBook
# make target/chapter/book/ of them. What has its pictures is not run again, and a training that was stopped goes on. Usage: scripts/chapter.sh [PAGE…]
# for the commands of some pages only, such as hopfield; THREADS=n, TARGUM=another binary.
#
# In a page, a block fenced as sh is followed by lines `<!-- picture: PATH | CAPTION -->` for what it leaves; one without them is not run.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${TARGUM:-target/release/targum}")
book=docs/chapter
made=target/chapter
mdbook_version=0.5.4
export program THREADS

# `targum` of the pages. A training that is done is not done again.
targum() {
    if [ "$1" != train ]; then
        "$program" "$@"
        return
    fi
    local out= word previous=
    for word in "$@"; do
        [ "$previous" != --out ] || out=$word
        previous=$word
    done
    [ ! -e "$out/test.json" ] || return 0
    # shellcheck disable=SC2086
    "$program" "$@" ${THREADS:+--threads $THREADS} $([ ! -e "$out/last" ] || echo --resume)
}
export -f targum

pages() {
    sed -n 's/.*](\([a-z-]*\)\.md).*/\1/p' "$book/src/SUMMARY.md"
}

failed=()

# run PAGE BLOCK PICTURE…
run() {
    local page=$1 block=$2 picture missing=
    shift 2
    for picture in "$@"; do
        [ -e "$picture" ] || missing=$picture
    done
    [ -n "$missing" ] || return 0
    if [[ $block == *data/babi* && ! -d data/babi ]]; then
        echo "$page: no folder data/babi, so $missing is left out; data/README.md says where the bAbI tasks are" >&2
        return 0
    fi
    echo "$page: $missing" >&2
    if ! bash -euo pipefail -c "$block" >/dev/null || [ ! -e "$missing" ]; then
        failed+=("$page: $missing")
    fi
}

# Blocks of a page with the pictures behind each.
run_page() {
    local page=$1 line block= inside= pictures=()
    while IFS= read -r line; do
        case $line in
            '```sh')
                [ ${#pictures[@]} -eq 0 ] || run "$page" "$block" "${pictures[@]}"
                block= inside=1 pictures=()
                ;;
            '```'*) inside= ;;
            '<!-- picture: '*)
                line=${line#<!-- picture: }
                pictures+=("${line%% |*}")
                ;;
            *) [ -z "$inside" ] || block+=$line$'\n' ;;
        esac
    done <"$book/src/$page.md"
    [ ${#pictures[@]} -eq 0 ] || run "$page" "$block" "${pictures[@]}"
}

mkdir -p pictures
[ $# -gt 0 ] || targum train configs/demo.toml --out checkpoints/demo >/dev/null
for page in $(pages); do
    case " ${*:-$page} " in *" $page "*) run_page "$page" ;; esac
done

rm -rf "$made/src"
mkdir -p "$made"
cp -r "$book/." docs/images pictures "$made/"
mv "$made/images" "$made/pictures" "$made/src/"
for page in "$made"/src/*.md; do
    awk -v folder="$made/src" '
        /^<!-- picture: / {
            sub(/^<!-- picture: /, ""); sub(/ -->$/, "")
            path = caption = $0
            sub(/ \|.*/, "", path); sub(/^[^|]*\| /, "", caption)
            if ((getline first < (folder "/" path)) > 0) print "![" caption "](" path ")\n"
            close(folder "/" path)
            next
        }
        { gsub(/\]\(\.\.\/\.\.\/images\//, "](images/"); print }' "$page" >"$page.new"
    mv "$page.new" "$page"
done

if command -v mdbook >/dev/null; then
    mdbook build "$made"
    echo "the book: $made/book/index.html" >&2
else
    echo "no mdbook here: cargo install mdbook --locked --version $mdbook_version, then make chapter again; the pages with their pictures: $made/src" >&2
fi
if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
