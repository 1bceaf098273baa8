#!/bin/sh
# cppcheck and clang-tidy (.clang-tidy) over the sources of a build folder (build): no word means nothing found.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
[ -f "$build/compile_commands.json" ] || { echo "$build is no build folder" >&2; exit 1; }
status=0

# Left out, each looked at once and without a fault behind it:
#   uninitvar, uninitStructMember, ctuuninitvar  outputs are written by ret_ parameters, of functions it does not see
#   returnDanglingLifetime, ctunullpointer       takes MAE_TRY's error for a pointer to what was passed
#   arrayIndexThenCheck                          takes comparing two indices for checking one
#   funcArgOrderDifferent                        two tensors, either way round
#   invalidPointerCast                           a table of options, whose fields are told by their kind
cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 -j "${JOBS:-$(nproc)}" \
    --suppress=uninitvar --suppress=uninitStructMember --suppress=ctuuninitvar --suppress=ctunullpointer \
    --suppress=returnDanglingLifetime --suppress=arrayIndexThenCheck --suppress=invalidPointerCast --suppress=funcArgOrderDifferent \
    -Iinclude -Isrc -D_GNU_SOURCE --template='{file}:{line}: {severity}: {id}: {message}' src || status=1

# shellcheck disable=SC2016
git ls-files 'src/*.c' | xargs -P "${JOBS:-$(nproc)}" -n 8 sh -c 'build=$0
    clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option "$@" 2>/dev/null' "$build" || status=1
exit $status
