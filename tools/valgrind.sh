#!/bin/sh
# The tests that need no clock, and each backend's open, compile, run and close on a small network, under valgrind's
# memcheck: an invalid access, a value that was never set, a block that nobody can free any more is an error. What
# engines do within their own libraries is suppressed (tests/support/valgrind.supp), and nothing of mae's.
# usage: valgrind.sh BUILD [TEST...]     a test is named as by ctest: unit/test_json, rounds/ort
# Environment: SECONDS_EACH=900
set -eu
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd)
shift
. tools/valgrind-tests.sh
[ $# -gt 0 ] || set -- $valgrind_tests
command -v valgrind >/dev/null || { echo "valgrind is not installed (make test-valgrind installs it)" >&2; exit 1; }

export MAE_BACKEND_PATH=$build/backends MAE_PROGRAM=$build/mae MAE_SOURCE_DIR=$PWD MAE_BUILD_DIR=$build
# Blocks out of a heap of our own are not told apart.
export MAE_HUGE_PAGES=0
export ORT_DISABLE_TELEMETRY=1 MAE_ROUNDS=${MAE_ROUNDS:-2}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=
for test in "$@"; do
    program=$build/tests/$(echo "$test" | tr / _) arguments=
    case $test in
    rounds/*) program=$build/tests/conformance_test_rounds arguments="--backend ${test#rounds/}" ;;
    esac
    [ -x "$program" ] || { echo "$test: skipped, $program is not built"; continue; }
    begin=$(date +%s) status=0
    # A process that compiles modules or runs the program forks; the children are not what is tested.
    timeout "${SECONDS_EACH:-900}" valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite --suppressions=tests/support/valgrind.supp --num-callers=30 \
        --fair-sched=try --child-silent-after-fork=yes ${VALGRIND_OPTIONS:-} "$program" $arguments >"$log" 2>&1 || status=$?
    took=$(($(date +%s) - begin))
    case $status in
    0) echo "$test: clean, $took s" ;;
    77) echo "$test: skipped by itself" ;;
    *) echo "$test: FAILED (status $status), $took s"; cat "$log"; failed="$failed $test" ;;
    esac
done
[ -z "$failed" ] || { echo "valgrind:$failed" >&2; exit 1; }
