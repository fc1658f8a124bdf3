#!/bin/sh
# Pin every requirements/*.in with hashes; runtime first, because the others hold to it.
set -eu
cd "$(dirname "$0")/.."
./requirements/install.sh runtime
uv=.run/tools/bin/uv
[ -x "$uv" ] || uv=uv
for set in runtime dev load embedded tools bench; do
    "$uv" pip compile -q --universal --generate-hashes --python-version 3.12 --no-emit-index-url \
        --custom-compile-command "make requirements" "$@" \
        "requirements/$set.in" -o "requirements/$set.txt"
done
