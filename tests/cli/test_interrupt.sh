# Ctrl-C while a network is profiled: one line, and no file.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort

interrupts profile "$models/tiny.onnx" --budget 60 -o profile.json
only_files
