#!/bin/sh
# Runs the fuzz targets of a build folder (default build-fuzz), or those named after it, one after the other, each for
# FUZZ_SECONDS (60). What they learn is kept in BUILD/fuzz/corpus, faults in BUILD/fuzz/findings; exit 1 if there are any.
# FUZZ_TIMEOUT: seconds that a single file may take (25), more where the machine stands still at times.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-build-fuzz}
[ $# -eq 0 ] || shift
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(cd "$build/fuzz" && ls | sed -n 's/^fuzz_//p')
seconds=${FUZZ_SECONDS:-60}
export UBSAN_OPTIONS=print_stacktrace=1
mkdir -p "$build/fuzz/findings"

status=0
for name in "$@"; do
    corpus=$build/fuzz/corpus/$name
    log=$build/fuzz/$name.log
    words=
    [ ! -f "$source/tests/fuzz/$name.dict" ] || words=-dict=$source/tests/fuzz/$name.dict
    mkdir -p "$corpus"
    if "$build/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=8192 -timeout="${FUZZ_TIMEOUT:-25}" -print_final_stats=1 ${words:+"$words"} \
        -artifact_prefix="$build/fuzz/findings/$name-" "$corpus" "$source/tests/fuzz/corpus/$name" >"$log" 2>&1; then
        result="no fault"
    else
        result="A FAULT, see $log"
        status=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    cov=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
    echo "$name: ${runs:-?} executions in $seconds s, ${cov:-cov: ?}: $result"
done
exit $status
