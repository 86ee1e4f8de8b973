#!/usr/bin/env bash
# Sets Targum's training speed beside JoeyNMT's, on the same sentences with the same sizes, and writes .work/result.md.
#
#   benches/peers/run.sh [--updates 60] [--rounds 2] [--translate] …      (--help lists all)
#
# Needs target/release/targum (make build), Multi30k (targum data multi30k) and Python 3.10 or newer. JoeyNMT gets a virtual environment in
# .work/venv, once. Environment: PYTHON, the interpreter; PEERS_TORCH, a folder that holds torch for it, where it is not to be installed
# again (3 GB; less with PIP_EXTRA_INDEX_URL set to an index of torch's CPU builds).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$here/.work/venv
torch=torch==2.11.0
# What these import of their dependencies stands in requirements.txt.
alone=(joeynmt==2.3.0 tokenizers==0.22.1)
wanted=$(cat "$here/requirements.txt"; echo "${alone[@]} ${PEERS_TORCH:-$torch}")

if [ "$(cat "$venv/ready" 2>/dev/null)" != "$wanted" ]; then
    echo "peers: installing JoeyNMT into $venv" >&2
    mkdir -p "$here/.work"
    "${PYTHON:-python3}" -m venv --clear "$venv"
    install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2; }
    install --requirement "$here/requirements.txt"
    if [ -n "${PEERS_TORCH:-}" ]; then
        install filelock fsspec jinja2 networkx sympy typing-extensions
        (cd "$PEERS_TORCH" && pwd) >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
    else
        install "$torch"
    fi
    install --no-deps "${alone[@]}"
    "$venv/bin/python" -c 'import joeynmt.training'
    printf '%s\n' "$wanted" >"$venv/ready"
fi

PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/compare.py" "$@"
