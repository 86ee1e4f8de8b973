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
source "$here/environment.sh"
venv=$here/.work/venv
# What these import of their dependencies stands in requirements.txt.
make_environment "$venv" "$here/requirements.txt" joeynmt==2.3.0 tokenizers==0.22.1
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/compare.py" "$@"
