#!/bin/sh
# Remove what the other commands made: environment, run folders, reports and caches. Outside the
# checkout only our own stand-in for .run/ is touched (a checkout in /root has one, see docs/adr/0011).
set -eu
cd "$(dirname "$0")/.."
for file in .run/*/env; do
    pid=$(sed -n 's/^DEMO_PID=//p' "$file" 2>/dev/null || true)
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
        echo "$(dirname "$file") is running (process $pid); stop it first." >&2
        exit 1
    fi
done
key=$(printf %s "$(pwd -P)" | sha256sum | cut -c1-12)
rm -rf .venv .run out staticfiles test-results .coverage .coverage.* coverage.xml \
    .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
    "/var/tmp/steadydesk-$(id -u)-$key"
find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
