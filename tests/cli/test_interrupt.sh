# Ctrl-C while a network is profiled, and at the stages every bench goes through: one line, and no file. (Whether any plan
# is worth compiling depends on the machine; unit/test_bench_goals stops a bench there, too, on the virtual SoC.)
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort

interrupts profile "$models/tiny.onnx" --budget 60 -o profile.json
only_files
for stage in "running mixed" "final rounds"; do
    interrupts_at "$stage" bench "$models/dynamic.onnx" --shape image=1,3,256,256 --budget 2 --race 20 -o plan.json
    only_files
done
