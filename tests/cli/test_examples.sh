# The example programs: what libmae does in one page.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort
classify=$MAE_BUILD_DIR/examples/classify

built "$classify" "$models/tiny.onnx" >out 2>err || fail "classify tiny.onnx"
[ "$(grep -c '^[1-5]\. output [0-4]: ' out)" -eq 5 ] || fail "not five scores"
# The highest first, and each output once.
awk '{ if (NR > 1 && $4 > last) exit 1; last = $4 }' out || fail "not in order"
[ "$(cut -d' ' -f3 out | sort -u | wc -l)" -eq 5 ] || fail "not five different outputs"

# The last bytes of a file are its input: a .npy file's values, say; here those of a network's own output.
"$MAE_PROGRAM" run "$models/two_inputs.onnx" --output run >out 2>err || fail "mae run"
built "$classify" "$models/two_inputs.onnx" run/sum.npy >out 2>err || fail "classify two_inputs.onnx"
if built "$classify" "$models/tiny.onnx" missing >out 2>err; then fail "a missing input goes unnoticed"; fi
grep -q '^classify: missing: cannot read 3072 bytes' err || fail "no message"
if built "$classify" "$models/cycle.onnx" >out 2>err; then fail "a cycle goes unnoticed"; fi
[ "$(wc -l <err)" -eq 1 ] || fail "not one line"
status=0
built "$classify" >out 2>err || status=$?
[ $status -eq 2 ] || fail "no usage"

mobilenet=$MAE_SOURCE_DIR/../shared/models/mobilenet_v1_025_128
if [ -f "$mobilenet/model.onnx" ]; then
    built "$classify" "$mobilenet/model.onnx" "$mobilenet/test_data_set_0/input_0.pb" >out 2>err || fail "classify mobilenet"
    head -n 1 out | grep -q '^1\. output 286: 0\.63' || fail "not the cat (286)"
else
    echo "no trained networks here: mobilenet_v1 is left out"
fi

# show_text: a picture in, a picture out.
"$MAE_PROGRAM" profile "$models/tiny.onnx" --budget 1 -o profile.json >out 2>err || fail "mae profile"
"$MAE_PROGRAM" plan profile.json -o plan.json >out 2>err || fail "mae plan"
status=0
built "$MAE_BUILD_DIR/examples/show_text" "$models/tiny.onnx" "$images/gradient.png" text.png plan.json >out 2>err || status=$?
[ $status -eq 3 ] || fail "scores are no map of text: exit status $status"
grep -q "not a map of text" err || fail "no message"
[ ! -e text.png ] || fail "a picture of nothing"
