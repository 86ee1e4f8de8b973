#!/bin/sh
# What can be told before anything is compiled; `targum doctor` tells the rest.
missing=0
need() {
    if command -v "$1" >/dev/null 2>&1; then
        echo "$1: $($2 2>&1 | head -n 1)"
    else
        echo "$1: MISSING. $3"
        missing=1
    fi
}
need cargo "cargo --version" "Install Rust from https://rustup.rs"
need c++ "c++ --version" "Install a C++ compiler (Debian: apt install g++)"
need make "make --version" "Install make"
if [ -n "$LIBTORCH" ]; then
    if [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] || [ -e "$LIBTORCH/lib/libtorch_cpu.dylib" ]; then
        echo "libtorch: $LIBTORCH (LIBTORCH)"
    else
        echo "libtorch: MISSING. LIBTORCH is $LIBTORCH, but lib/libtorch_cpu.so is not there: unset it and run make libtorch"
        missing=1
    fi
elif ls .libtorch/ready-* >/dev/null 2>&1; then
    echo "libtorch: .libtorch/torch"
else
    need python3 "python3 --version" "Install python3 with pip, or set LIBTORCH"
    echo "libtorch: MISSING. Run: make libtorch"
    missing=1
fi
[ "$missing" = 0 ] || exit 1
if [ -x target/release/targum ]; then
    exec target/release/targum doctor
fi
echo "targum: not built yet. Run: make build"
exit 1
