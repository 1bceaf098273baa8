#!/bin/sh
# Runs the fuzz targets of a build folder made by afl-clang-fast (default build-fuzz-afl), or those named after it, under
# AFL++, one after the other, each for FUZZ_SECONDS (60). What they learn is kept in BUILD/fuzz/afl/NAME, for the next
# run; exit 1 if there is a crash or a hang.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-build-fuzz-afl}
[ $# -eq 0 ] || shift
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(cd "$build/fuzz" && ls | sed -n 's/^fuzz_\([a-z]*\)$/\1/p')
seconds=${FUZZ_SECONDS:-60}
# No screen, no demands on the system's settings, whatever terminal and machine this is; go on where it was ended.
export AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_AUTORESUME=1

stat() { sed -n "s/^$2 *: *//p" "$1/fuzzer_stats"; }

status=0
for name in "$@"; do
    out=$build/fuzz/afl/$name
    log=$build/fuzz/$name-afl.log
    mkdir -p "$out"
    words=
    [ ! -f "$source/tests/fuzz/$name.dict" ] || words=$source/tests/fuzz/$name.dict
    if ! afl-fuzz -i "$source/tests/fuzz/corpus/$name" -o "$out" -V "$seconds" -G 8192 -t 5000 -m none \
        ${words:+-x "$words"} -- "$build/fuzz/fuzz_$name" >"$log" 2>&1; then
        echo "$name: afl-fuzz failed, see $log" >&2
        status=1
        continue
    fi
    crashes=$(stat "$out/default" saved_crashes) hangs=$(stat "$out/default" saved_hangs)
    result="no fault"
    if [ "$crashes" != 0 ] || [ "$hangs" != 0 ]; then
        result="$crashes CRASHES, $hangs HANGS, see $out/default"
        status=1
    fi
    echo "$name: $(stat "$out/default" execs_done) executions in $seconds s, corpus $(stat "$out/default" corpus_count)," \
        "map $(stat "$out/default" bitmap_cvg): $result"
done
exit $status
