#!/bin/sh
# A backend that mae does not know of: a module in MAE_BACKEND_PATH, used when a PE of it is named.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
[ -f "$MAE_BUILD_DIR/tests/example/mae-example.so" ] || { echo "skipped: mae-example.so is not built"; exit 77; }
export MAE_BACKEND_PATH="$MAE_BUILD_DIR/tests/example:$MAE_BACKEND_PATH"
need_pe cpu/ort

# Nobody asked for it: it is not looked for.
mae 0 pes
grep -q example out && fail "$ran: cpu/example is there unasked"
mae 0 pes --pes cpu/ort,cpu/example --json
json_has '"name":"cpu/example","resource":"cpu","backend":"example","engine":"plainloops"'
mae 2 pes --pes cpu/ort,cpu/nothing
says 'PE "cpu/nothing": backend "nothing": mae-nothing.so is not in'
mae 2 pes --pes cpu/ort,cpu/example2
says 'PE "cpu/example2": no such PE here'
mae 2 pes --pes cpu/ort,example
says 'PE "example": no such PE here'

# Beside ONNX Runtime, on a network of operators that it has, and on one of which it has some.
mae 0 bench "$models/two_inputs.onnx" --pes cpu/ort,cpu/example --budget 1 --race 0.5 --threads 1 --json
json_has '{"pe":"cpu/ort","complete":true'
json_has '{"pe":"cpu/example","complete":true'
json_has '"ok":true'
mae 0 bench "$models/tiny.onnx" --pes cpu/ort,cpu/example --budget 1 --race 0.5 --threads 1 --json
json_has '"pe":"cpu/example","complete":false'
json_has '"ok":true'

# A plan that sends layers to both, its outputs verified.
mae 0 profile "$models/tiny.onnx" --pes cpu/ort,cpu/example --budget 1 --threads 1 -o tiny.json
only_files tiny.json pes.json pes.err
flat tiny.json | grep -q '"pe":"cpu/example"' || flat tiny.json | grep -q '"cpu/example"' || fail "no cpu/example in the profile"

# A SoC file names it by its backend.
cat >soc.json <<'S'
{ "format": "mae-soc", "version": 1, "name": "desk", "pes": [
  { "name": "mine", "backend": "example" }, { "name": "cpu", "backend": "ort" } ] }
S
mae 0 run "$models/two_inputs.onnx" --soc soc.json --verify --threads 1
prints "mine"
sed 's/"example"/"example", "options": { "speed": 9 }/' soc.json >bad.json
mae 3 pes --soc bad.json
says 'has no option "speed"'
