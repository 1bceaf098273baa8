#!/bin/sh
# The benchmarks: `mae bench` over real networks at 1 and 2 threads, and the planner's scaling. Prints Markdown
# (docs/results.md is its output); the JSON of each run stays in demo/bench/.
# usage: bench.sh [NAME...]     only these networks
# Environment: THREADS="1 2", RACE=8 (seconds of final rounds per network)
set -eu
cd "$(dirname "$0")/.."
tools/fetch-models.sh
mkdir -p demo/bench
wanted=" $* "
shared=../shared/models

bench() { # name, model, further options
    name=$1 model=$2
    shift 2
    case $wanted in "  " | *" $name "*) ;; *) return 0 ;; esac
    [ -f "$model" ] || { echo "$name: skipped, $model is not here" >&2; return 0; }
    for threads in ${THREADS:-1 2}; do
        echo "$name, $threads thread(s)" >&2
        build/mae bench "$model" "$@" --threads "$threads" --race "${RACE:-8}" --json \
            >"demo/bench/$name-$threads.json.part" || { echo "$name: mae bench failed" >&2; return 1; }
        mv "demo/bench/$name-$threads.json.part" "demo/bench/$name-$threads.json"
    done
}

rm -f demo/bench/*.json demo/bench/*.part
bench ppocrv4_det demo/models/ppocrv4_det.onnx --shape x=1,3,384,768
bench ppocrv4_rec demo/models/ppocrv4_rec.onnx --shape x=1,3,48,320
bench ppocrv4_cls demo/models/ppocrv4_cls.onnx --shape x=1,3,48,192
bench blazeface demo/models/blazeface.onnx
bench dronet $shared/dronet/model.onnx --input $shared/dronet/test_data_set_0/input_0.pb
bench fastestdet $shared/fastestdet/model.onnx --input $shared/fastestdet/test_data_set_0/input_0.pb
bench mlsd_tiny demo/models/mlsd_tiny.onnx
for net in ${MAE_NETWORKS:-}; do # further .onnx files of one's own
    bench "$(basename "$net" .onnx)" "$net"
done
node tools/bench-table.mjs demo/bench/*.json

# The planner: growth on random chains, and (PLANNER=smt) beside an SMT solver.
if [ $# -eq 0 ]; then
    cmake --build build --target bench_planner >/dev/null
    echo
    build/bench_planner ${PLANNER:+--$PLANNER}
fi
