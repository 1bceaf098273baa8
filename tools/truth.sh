#!/bin/sh
# Do predictions and choices hold? bench_truth over real networks; prints Markdown (docs/results.md has its output). The
# JSON of each run stays in demo/truth/.
# usage: truth.sh [NAME...]     only these networks
# Environment: THREADS="1 2", RACE=10 (seconds of each set of rounds), BUDGET=20 (seconds of profiling), MAPPINGS=20,
# PERIOD=0 (ms at which frames come; 0: one after another),
# REGRET="" (names of networks whose mappings of at most two switches are all run, or REGRET_MOST=500 of them),
# MAE_NETWORKS (further .onnx files of one's own, from tools such as torchvision)
set -eu
cd "$(dirname "$0")/.."
tools/fetch-models.sh
cmake --build build --target bench_truth mae-ort mae-onednn mae-xnnpack >/dev/null
mkdir -p demo/truth
. tools/networks.sh

truth() { # name, model, further options
    name=$1 model=$2
    shift 2
    for threads in ${THREADS:-1 2}; do
        regret=
        case " ${REGRET:-} " in *" $name "*) [ "$threads" = 1 ] && regret="--regret ${REGRET_MOST:-500}" ;; esac
        # shellcheck disable=SC2086
        build/bench_truth "$model" "$@" --threads "$threads" --race "${RACE:-10}" --budget "${BUDGET:-20}" \
            --mappings "${MAPPINGS:-20}" --period-ms "${PERIOD:-0}" $regret \
            >"demo/truth/$name-$threads.json.part" ||
            { echo "$name: bench_truth failed" >&2; continue; }
        mv "demo/truth/$name-$threads.json.part" "demo/truth/$name-$threads.json"
    done
}

for_each_network truth
node tools/truth-table.mjs demo/truth/*.json
