#!/bin/sh
# cppcheck and clang-tidy (.clang-tidy) over the sources of a build folder (build): no word means nothing found.
# usage: lint.sh [BUILD [cppcheck | tidy [FILE...]]]     both over everything; cppcheck alone; clang-tidy over these files
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
what=${2:-all}
[ $# -lt 2 ] && set -- || shift 2
[ -f "$build/compile_commands.json" ] || { echo "$build is no build folder" >&2; exit 1; }
status=0

# Left out, each looked at once and without a fault behind it:
#   *uninitvar, uninitStructMember               outputs are written by ret_ parameters, of functions it does not see
#   *Lifetime, ctunullpointer                    takes MAE_TRY's error for a pointer to what was passed
#   compareBoolExpressionWithInt                 loops that run once or twice: without energy, and with
#   arrayIndexThenCheck                          takes comparing two indices for checking one
#   funcArgOrderDifferent                        two tensors, either way round
#   invalidPointerCast                           a table of options, whose fields are told by their kind
# What it found out is kept in the build folder: the next time it looks at what has changed.
run_cppcheck() {
    mkdir -p "$build/cppcheck"
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 -j "${JOBS:-$(nproc)}" \
        --cppcheck-build-dir="$build/cppcheck" \
        --suppress=uninitvar --suppress=uninitStructMember --suppress=ctuuninitvar --suppress=legacyUninitvar \
        --suppress=compareBoolExpressionWithInt --suppress=ctunullpointer \
        --suppress=returnDanglingLifetime --suppress=invalidLifetime \
        --suppress=arrayIndexThenCheck --suppress=invalidPointerCast --suppress=funcArgOrderDifferent \
        -Iinclude -Isrc -D_GNU_SOURCE '-Djson_object_foreach(object,key,value)=while (value)' \
        --template='{file}:{line}: {severity}: {id}: {message}' src
}

run_tidy() { # FILE...
    # shellcheck disable=SC2016
    printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -n 8 sh -c 'build=$0
        clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option "$@" 2>/dev/null' "$build"
}

[ "$what" = tidy ] || run_cppcheck || status=1
# shellcheck disable=SC2046
[ "$what" = cppcheck ] || [ $# -gt 0 ] || set -- $(git ls-files 'src/*.c')
[ "$what" = cppcheck ] || run_tidy "$@" || status=1
exit $status
