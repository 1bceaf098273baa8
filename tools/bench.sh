#!/bin/sh
# The benchmarks: `mae bench` over real networks at 1 and 2 threads, and the planner's scaling. Prints Markdown
# (docs/results.md is its output); the JSON of each run stays in demo/bench/.
# usage: bench.sh [NAME...]     only these networks
# Environment: THREADS="1 2", RACE=8 (seconds of final rounds per network), PES=cpu/ort,... (all that are used unasked)
set -eu
cd "$(dirname "$0")/.."
tools/fetch-models.sh
mkdir -p demo/bench
. tools/networks.sh

bench() { # name, model, further options
    name=$1 model=$2 data=$(dirname "$2")/test_data_set_0/input_0.pb
    shift 2
    [ ! -f "$data" ] || set -- "$@" --input "$data"
    for threads in ${THREADS:-1 2}; do
        echo "$name, $threads thread(s)" >&2
        build/mae bench "$model" "$@" --threads "$threads" --race "${RACE:-8}" ${PES:+--pes "$PES"} --json \
            >"demo/bench/$name-$threads.json.part" || { echo "$name: mae bench failed" >&2; return 1; }
        mv "demo/bench/$name-$threads.json.part" "demo/bench/$name-$threads.json"
    done
}

rm -f demo/bench/*.json demo/bench/*.part
for_each_network bench
node tools/bench-table.mjs demo/bench/*.json

# The planner: growth on random chains, and (PLANNER=smt) beside an SMT solver.
if [ $# -eq 0 ]; then
    cmake --build build --target bench_planner >/dev/null
    echo
    build/bench_planner ${PLANNER:+--$PLANNER}
fi
