#!/bin/sh
# Lines that the tests reach, folder by folder: builds with gcc's counters into a folder (build-coverage), runs the tests
# of the labels named after it (all ordinary ones), and counts with gcov. Exit 1 where no test ran.
set -eu
cd "$(dirname "$0")/.."
source=$(pwd)
build=${1:-build-coverage}
[ $# -eq 0 ] || shift
labels=$(echo "${*:-unit oracle fault cli conformance fuzz}" | tr ' ' '|')

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="--coverage -O1 -fprofile-update=atomic" >/dev/null
cmake --build "$build" -j "${JOBS:-$(nproc)}" >"$build/build.log" 2>&1 || { tail -n 20 "$build/build.log" >&2; exit 1; }
find "$build" -name '*.gcda' -delete
(cd "$build" && ctest --no-tests=error -L "^($labels)\$" -LE 'long|bench|browser' >tests.log 2>&1) ||
    echo "note: some tests failed, see $build/tests.log" >&2

# A file is compiled once for its folder's library; headers and generated code do not count.
echo "folder           lines  reached   share"
for folder in base core onnx pe power meters/hwmon meters/powercap meters/battery plan policy report profile run session cli; do
    objects=$build/src/CMakeFiles/mae_$(echo "$folder" | tr / _).dir/$folder
    [ -d "$objects" ] || continue
    (cd "$build" && gcov -n -o "${objects#"$build"/}" "${objects#"$build"/}"/*.gcda 2>/dev/null) |
        awk -v folder="$folder" -v source="$source/src/$folder/" '
            /^File/ { ours = index($0, source) > 0 && $0 ~ /\.c.$/ }
            /^Lines executed:/ && ours { split($0, part, /[:% ]+/); of = $NF; lines += of; reached += part[3] * of / 100; ours = 0 }
            END { if (lines) printf "%-15s %6d  %7.0f  %5.1f %%\n", folder, lines, reached, 100 * reached / lines }'
done
