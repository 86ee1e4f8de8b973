#!/usr/bin/env bash
# Sets Targum's speed in translating beside CTranslate2's and transformers', with the same weights on the same sentences, and writes
# .work/decoding.md; or, with --check, prints what the three translate differently.
#
#   benches/peers/decoding.sh [--model checkpoints/NAME] [--check] [--rounds 3] …      (--help lists all)
#
# Needs target/release/targum (make build), Multi30k (targum data multi30k), Python 3.10 or newer, and a Transformer that can be exported:
#
#   targum train configs/multi30k-en-de-transformer.toml
#
# The others get a virtual environment in .work/decoding-venv, once. Environment: PYTHON, the interpreter; PEERS_TORCH, a folder that holds
# torch for it, where it is not to be installed again (3 GB; less with PIP_EXTRA_INDEX_URL set to an index of torch's CPU builds).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/environment.sh"
venv=$here/.work/decoding-venv
make_environment "$venv" "$here/decoding-requirements.txt"
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/decoding.py" "$@"
