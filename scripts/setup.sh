#!/usr/bin/env bash
# Brings a fresh Debian or Ubuntu with Rust (and, for the tests, Node) to where the project builds
# and its tests run. Installs only what is lacking and says so; prints nothing when all is there.
#
#   scripts/setup.sh run            what `make run` needs: a C compiler and its company
#   scripts/setup.sh test           that, and what the tests need: nextest, the Node and Python
#                                   receivers
#   scripts/setup.sh instructions   what `run` installs, and valgrind
#
# Stamps under .setup/ hold the checksum of what was installed, so that a second run costs
# milliseconds and a changed lock file is noticed.
set -euo pipefail
cd "$(dirname "$0")/.."

# Builds with the Rust version that Cargo.toml asks for.
NEXTEST_VERSION=0.9.143
RECEIVERS=tests/receivers
STAMPS=.setup

say() { echo "setup: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

main() {
    case "${1:-}" in
    run)
        need_rust
        need_packages
        ;;
    instructions)
        need_rust
        need_packages
        need_valgrind
        ;;
    test)
        need_rust
        need_node
        need_packages
        need_nextest
        need_node_receivers
        need_python_receivers
        ;;
    *)
        fail "usage: scripts/setup.sh run|test|instructions"
        ;;
    esac
}

need_rust() {
    command -v cargo >/dev/null ||
        fail "cargo is missing. Install Rust (https://rustup.rs) and try again."
}

need_node() {
    { command -v node && command -v npm; } >/dev/null ||
        fail "node or npm is missing. Install Node.js 20 or later and try again."
    local major
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || fail "Node.js 20 or later is needed; this is $(node --version)."
}

# The Debian packages behind commands that are not there. Only gcc compiles the C parts (SQLite,
# aws-lc, mimalloc): no cmake, no clang, no OpenSSL.
need_packages() {
    local missing=()
    command -v gcc >/dev/null || missing+=(gcc)
    [ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
    command -v make >/dev/null || missing+=(make)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    command -v curl >/dev/null || missing+=(curl)
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    install_packages "${missing[@]}"
}

need_valgrind() {
    command -v valgrind >/dev/null || install_packages valgrind
}

install_packages() {
    [ $# -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        fail "missing: $*. There is no apt-get here; install them your system's way."
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "missing: $*. Not root and no sudo; run as root: apt-get install $*"
        root=(sudo)
    fi
    say "installing $* (apt)"
    quietly "${root[@]}" apt-get update -qq
    quietly "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$@"
}

need_nextest() {
    cargo nextest --version >/dev/null 2>&1 && return
    say "installing cargo-nextest $NEXTEST_VERSION, once per machine (compiles for some minutes)"
    # Into a folder of its own: it must not disturb, nor be disturbed by, what the project built.
    CARGO_TARGET_DIR=$STAMPS/nextest-build quietly \
        cargo install cargo-nextest --locked --version "$NEXTEST_VERSION"
    rm -rf "$STAMPS/nextest-build"
    cargo nextest --version >/dev/null 2>&1 ||
        fail "cargo-nextest was installed but does not start; is cargo's bin folder on the PATH?"
}

need_node_receivers() {
    local files=("$RECEIVERS/package.json" "$RECEIVERS/package-lock.json")
    [ -d "$RECEIVERS/node_modules" ] && is_stamped node "${files[@]}" && return
    say "installing the Node receivers (npm ci)"
    quietly npm ci --prefix "$RECEIVERS" --no-audit --no-fund --loglevel=error
    stamp node "${files[@]}"
}

need_python_receivers() {
    local files=("$RECEIVERS/requirements.txt")
    [ -x .venv/bin/python ] && is_stamped python "${files[@]}" && return
    # Debian ships a python3 that can make no environment until python3-venv is there.
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3 python3-venv
    say "installing the Python receiver (.venv)"
    quietly python3 -m venv --clear .venv
    quietly .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r "${files[0]}"
    stamp python "${files[@]}"
}

is_stamped() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$(checksum "${@:2}")" ]; }

stamp() {
    mkdir -p "$STAMPS"
    checksum "${@:2}" >"$STAMPS/$1"
}

checksum() { cat "$@" | sha256sum | cut -d' ' -f1; }

# Shows what a command printed only if it failed.
quietly() {
    local output
    output=$("$@" 2>&1) && return
    printf '%s\n' "$output" >&2
    fail "failed: $*"
}

main "$@"
