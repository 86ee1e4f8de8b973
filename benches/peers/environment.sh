# Makes a virtual environment with torch, once: make_environment FOLDER REQUIREMENTS [PACKAGE …]
#
# Packages are installed without what they name as dependencies. PYTHON and PEERS_TORCH are as run.sh tells.

torch=torch==2.11.0

make_environment() {
    local venv=$1 requirements=$2 wanted
    shift 2
    wanted=$(cat "$requirements"; echo "$* ${PEERS_TORCH:-$torch}")
    if [ "$(cat "$venv/ready" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    echo "peers: installing into $venv" >&2
    mkdir -p "$(dirname "$venv")"
    "${PYTHON:-python3}" -m venv --clear "$venv"
    install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2; }
    install --requirement "$requirements"
    if [ -n "${PEERS_TORCH:-}" ]; then
        install filelock fsspec jinja2 networkx sympy typing-extensions
        (cd "$PEERS_TORCH" && pwd) >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
    else
        install "$torch"
    fi
    if [ $# -gt 0 ]; then
        install --no-deps "$@"
    fi
    "$venv/bin/python" -c 'import torch'
    printf '%s\n' "$wanted" >"$venv/ready"
}
