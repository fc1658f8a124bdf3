#!/bin/sh
# Make this machine able to run what the named parts need; a second run finds nothing to do.
#
#   requirements/install.sh PART...
#
# Python sets (hash-checked into .venv): runtime dev load embedded bench
# Programs (apt on Debian as root, else the command that needs one says how to get it):
#   services chromium prometheus
# PYTHON=/path/to/python chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."
tools=.run/tools
# Wheels only: building from source would run code that no hash covers.
strict="--require-hashes --only-binary=:all:"

say() { echo "$*" >&2; }

# An interpreter is believed when it runs: a pyenv shim of a version not selected exits with 127.
runs() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        runs "$PYTHON" || { say "PYTHON=$PYTHON is not a Python 3.12 or newer that runs."; return 1; }
        echo "$PYTHON"
        return
    fi
    for candidate in python3.12 python3.13 python3.14 python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3 \
        /opt/homebrew/bin/python3 /usr/local/bin/python3; do
        if runs "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    say "Steadydesk needs Python 3.12 or newer (with venv), and none was found. Any one of these helps:"
    say "  pyenv install 3.12        brew install python@3.12        apt-get install python3.12-venv"
    say "  make demo PYTHON=/path/to/python3.12"
    return 1
}

make_venv() {
    [ -x .venv/bin/python ] && runs .venv/bin/python && return
    python=$(find_python)
    say "Making .venv with $("$python" --version) ..."
    rm -rf .venv
    "$python" -m venv .venv
}

# uv installs in seconds what takes pip a minute; it is pinned by hash like the rest.
find_uv() {
    for candidate in uv "$tools/bin/uv"; do
        if "$candidate" --version >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    rm -rf "$tools"
    .venv/bin/python -m venv "$tools" >&2 &&
        "$tools/bin/python" -m pip install -q --disable-pip-version-check $strict \
            -r requirements/tools.txt >&2 && echo "$tools/bin/uv"
}

install_set() {
    file=requirements/$1.txt
    stamp=.venv/.installed-$1
    wanted=$(cksum <"$file")
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    say "Installing $file ..."
    if uv=$(find_uv); then
        VIRTUAL_ENV=$PWD/.venv "$uv" pip install -q $strict -r "$file"
    else
        say "uv cannot be had here; pip takes about a minute."
        .venv/bin/python -m pip install -q --disable-pip-version-check $strict -r "$file"
    fi
    echo "$wanted" >"$stamp"
}

has() { command -v "$1" >/dev/null 2>&1; }
has_postgres() { has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

missing_packages() {
    case $1 in
    services)
        [ -n "${DATABASE_URL:-}" ] || has_postgres || echo postgresql
        [ -n "${REDIS_URL:-}" ] || has redis-server || has valkey-server || echo redis-server
        ;;
    chromium) [ -n "${E2E_CHROMIUM:-}" ] || has chromium || has google-chrome || echo chromium ;;
    prometheus)
        has promtool || echo prometheus
        has amtool || echo prometheus-alertmanager
        ;;
    esac
}

# Services are only run as private children, so apt must not start the system's.
install_packages() {
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null >&2 &&
        apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

install_programs() {
    packages=$(missing_packages "$1")
    if [ -n "$packages" ] && has apt-get && [ "$(id -u)" = 0 ]; then
        say "Installing" $packages "..."
        install_packages $packages || say "apt failed."
        packages=$(missing_packages "$1")
    fi
    [ -z "$packages" ] && return
    if [ "$1" = services ] && [ -n "${STEADYDESK_EMBEDDED:-}" ]; then
        install_set embedded
    else
        say "This machine lacks:" $packages
    fi
}

make_venv
for part in "$@"; do
    case $part in
    services | chromium | prometheus) install_programs "$part" ;;
    runtime | dev | load | embedded | bench) install_set "$part" ;;
    *)
        say "unknown part: $part"
        exit 2
        ;;
    esac
done
