#!/usr/bin/env bash
# Brings a fresh Debian or Ubuntu with Rust and Node to where the project builds and its tests run.
# Installs only what is lacking and says so; prints nothing when all is there.
#
#   scripts/setup.sh build          what cargo needs: a C compiler and its company
#   scripts/setup.sh run            that, and a dashboard that was built (needs Node)
#   scripts/setup.sh check          what `build` installs, and the dashboard's packages, given Node
#   scripts/setup.sh test           what `run` does, and what the tests need: nextest, the Node,
#                                   Python and Java receivers, a browser
#   scripts/setup.sh instructions   what `build` installs, and valgrind
#
# Stamps under .setup/ hold the checksum of what was installed or built, so that a second run costs
# milliseconds and a changed file is noticed.
set -euo pipefail
cd "$(dirname "$0")/.."

# Builds with the Rust version that Cargo.toml asks for.
NEXTEST_VERSION=0.9.143
RECEIVERS=tests/receivers
WEB=web
STAMPS=.setup

say() { echo "setup: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

main() {
    case "${1:-}" in
    build)
        need_rust
        need_packages
        ;;
    run)
        need_rust
        need_packages
        need_node "Only the dashboard needs it; without: cargo run --release -p posthaste -- serve --dev"
        need_dashboard
        ;;
    check)
        need_rust
        need_packages
        # What cannot be checked without Node, `make check` names.
        ! command -v npm >/dev/null || need_dashboard_packages
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
        need_dashboard
        need_browser
        need_node_receivers
        need_python_receivers
        need_java
        ;;
    *)
        fail "usage: scripts/setup.sh build|run|check|test|instructions"
        ;;
    esac
}

need_rust() {
    command -v cargo >/dev/null ||
        fail "cargo is missing. Install Rust (https://rustup.rs) and try again."
}

# $1: how to go on without it, where one can.
need_node() {
    local advice="Install Node.js 20 or later and try again.${1:+ $1}"
    { command -v node && command -v npm; } >/dev/null || fail "node or npm is missing. $advice"
    local major
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || fail "Node.js is too old: $(node --version). $advice"
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
    need_npm_packages node "$RECEIVERS" "the Node receivers"
}

need_dashboard_packages() {
    need_npm_packages web-packages "$WEB" "what the dashboard is built with"
}

need_npm_packages() {
    local name=$1 folder=$2 what=$3
    local files=("$folder/package.json" "$folder/package-lock.json")
    [ -d "$folder/node_modules" ] && is_stamped "$name" "${files[@]}" && return
    say "installing $what (npm ci)"
    quietly npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error
    stamp "$name" "${files[@]}"
}

# Cargo takes what lies in web/dist into the binary, and builds anew only when that changes. So it
# is made anew only when a file it could depend on changed.
need_dashboard() {
    need_dashboard_packages
    local files
    mapfile -d '' files < <(find "$WEB" \
        \( -name node_modules -o -path "$WEB/dist" -o -path "$WEB/tests" \) -prune \
        -o -type f -print0 | sort -z)
    [ -f "$WEB/dist/index.html" ] && is_stamped web-dist "${files[@]}" && return
    say "building the dashboard (npm run build)"
    quietly npm run build --prefix "$WEB"
    stamp web-dist "${files[@]}"
}

# A browser brings no fonts, and a page without one has other sizes. Ubuntu's package is an errand
# for snap, which containers and CI machines cannot run; there, one comes from npm.
need_browser() {
    [ -z "${CHROMIUM:-}" ] && [ ! -x /usr/bin/chromium ] || return 0
    if grep -qx 'ID=debian' /etc/os-release; then
        install_packages chromium fonts-liberation
        return
    fi
    local chromium=$WEB/tests/chromium
    need_npm_packages chromium "$chromium" "a browser"
    # What it is linked with. A newer system has other packages behind the same library.
    ldconfig -p | grep -q libnss3.so || install_packages libnss3 fonts-liberation
    # Unpacks it, before several tests would at the same time.
    node -e 'import("./web/tests/support/chromium.mjs").then((it) => it.chromiumPath())'
}

need_python_receivers() {
    local files=("$RECEIVERS/requirements.txt")
    [ -x .venv/bin/python ] && is_stamped python "${files[@]}" && return
    # Debian ships a python3 that can make no environment until python3-venv is there.
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3 python3-venv
    say "installing the Python receivers (.venv)"
    quietly python3 -m venv --clear .venv
    quietly .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r "${files[0]}"
    stamp python "${files[@]}"
}

# It runs a receiver from its source, which takes the compiler too.
need_java() {
    command -v javac >/dev/null || install_packages default-jdk-headless
}

is_stamped() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$(checksum "${@:2}")" ]; }

stamp() {
    mkdir -p "$STAMPS"
    checksum "${@:2}" >"$STAMPS/$1"
}

# Of names and contents.
checksum() { sha256sum -- "$@" | sha256sum | cut -d' ' -f1; }

# Shows what a command printed only if it failed.
quietly() {
    local output
    output=$("$@" 2>&1) && return
    printf '%s\n' "$output" >&2
    fail "failed: $*"
}

main "$@"
