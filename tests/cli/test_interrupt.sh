# Ctrl-C while a network is profiled, and at every stage of a bench: one line, and no file.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort

interrupts profile "$models/tiny.onnx" --budget 60 -o profile.json
only_files
for stage in "running mixed" "compiling plans" "final rounds"; do
    interrupts_at "$stage" bench "$models/dynamic.onnx" --shape image=1,3,256,256 --budget 2 --race 20 -o plan.json
    only_files
done
