#!/bin/sh
# What mae adds to a layer of each engine, by the engine called directly in the same process: XNNPACK and oneDNN layer by
# layer (bench_direct), CLBlast (bench_direct_opencl), ONNX Runtime by whole networks beside a plain session
# (bench_overhead). Ratios with 95 % intervals; nothing else may run meanwhile.
# Environment: SECONDS_EACH=10 for each comparison, THREADS=1
set -eu
cd "$(dirname "$0")/.."
tools/fetch-models.sh
cmake --build build --target bench_direct bench_overhead >/dev/null
seconds=${SECONDS_EACH:-10} threads=${THREADS:-1}
export MAE_BACKEND_PATH=$PWD/build/backends ORT_DISABLE_TELEMETRY=1

build/bench_direct --seconds "$seconds" --threads "$threads"
echo
if cmake --build build --target bench_direct_opencl >/dev/null 2>&1; then
    for memory in own shared; do
        echo "memory: $memory"
        build/bench_direct_opencl --seconds "$seconds" --memory $memory
    done
    echo
fi
. tools/networks.sh
overhead() { # name, model, further options
    shift
    model=$1
    shift
    build/bench_overhead --threads "$threads" --seconds "$seconds" "$@" "$model"
}
for_each_network overhead
