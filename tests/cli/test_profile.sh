# mae profile --merge: measures what a profile lacks, says what and why, and unites.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort cpu/onednn
model=$models/tiny.onnx

profile() { # STATUS ARGUMENT...: mae profile on one thread, progress aside
    wanted=$1
    shift
    mae "$wanted" profile "$model" --threads 1 --budget 0.3 "$@"
    grep -v '^ *[0-9]* %  ' err >rest || true
    mv rest err
}

profile 0 --pes cpu/ort -o ort.json
cp ort.json ort.copy

# A PE that is new is measured with those it is to pass tensors to.
profile 0 --pes cpu/ort,cpu/onednn --merge ort.json -o named.json
if grep -q "not measured" out; then fail "--pes names both"; fi
profile 0 --merge ort.json -o all.json
prints "cpu/ort: measured again, since ort.json has no transfers between it and "
prints "cpu/onednn: measured, since it is not in ort.json"
cmp -s ort.json ort.copy || fail "the old profile was changed"
flat all.json | grep -qF '"from":"cpu/ort","to":"cpu/onednn"' || fail "no transfer to the new PE"
flat all.json | grep -qF '"from":"cpu/onednn","to":"cpu/ort"' || fail "no transfer from the new PE"
[ "$(flat all.json | grep -o '"merged":\[.*' | grep -o '"date":' | wc -l)" -eq 2 ] || fail "provenance of both"
mae 0 plan all.json --json
json_has '"optimal":true'

# What is complete is left alone, down to the last byte; also in place.
profile 0 --merge all.json -o all2.json
prints "cpu/ort: not measured again"
prints "cpu/onednn: not measured again"
cmp -s all.json all2.json || fail "something changed"
profile 0 --merge all2.json -o all2.json
cmp -s all.json all2.json || fail "something changed in place"

# A hole, and another version of an engine: measured again. What is not measured stays as it is.
costs() { # PE FILE: its costs
    flat "$2" | grep -o "\"$1\":{\"time_ms\":[^}]*}"
}
tr -d '\n' <all.json | sed 's/, *"cpu\/onednn": *{ *"time_ms"[^}]*}//' >hole.json
profile 0 --merge hole.json -o whole.json
prints "cpu/ort: not measured again"
prints "cpu/onednn: measured again, since hole.json lacks layer"
[ "$(costs cpu/onednn hole.json | wc -l)" -lt "$(costs cpu/onednn all.json | wc -l)" ] || fail "no hole was made"
[ "$(costs cpu/onednn whole.json | wc -l)" -eq "$(costs cpu/onednn all.json | wc -l)" ] ||
    fail "the hole is still there"
[ "$(costs cpu/ort whole.json)" = "$(costs cpu/ort all.json)" ] || fail "a PE that was not measured has other figures"
sed 's/"ort": "ONNX Runtime [^"]*"/"ort": "ONNX Runtime 0.1"/' all.json >aged.json
profile 0 --merge aged.json -o fresh.json
prints "cpu/ort: measured again, since aged.json has it by ort ONNX Runtime 0.1"
prints "cpu/onednn: not measured again"

# A PE that cannot run the network by itself is not measured by itself.
partial=/usr/share/libonnx-testdata/data/pytorch-operator/test_operator_repeat_dim_overflow/model.onnx
if [ -f "$partial" ]; then
    mae 0 profile "$partial" --threads 1 --budget 0.3 -o partial.json
    tr -d '\n' <partial.json | sed 's/, *"cpu\/onednn": *{ *"time_ms"[^}]*}//' >part.json
    mae 0 profile "$partial" --threads 1 --budget 0.3 --merge part.json -o partial.json
    prints "cpu/onednn: measured again, since part.json lacks layer"
    prints "cpu/ort: measured again, since layer"
    rm partial.json part.json
else
    echo "no ONNX test data here: a PE that runs some layers only is left out"
fi

# PEs measured apart have no transfers: said.
profile 0 --pes cpu/onednn --merge ort.json -o apart.json
prints "no transfers between cpu/ort and cpu/onednn: measure them together (--pes cpu/ort,cpu/onednn)"

# What does not fit is refused before any time is spent, and nothing is written.
mae 2 profile "$model" --threads 2 --merge ort.json -o none.json
says "ort.json: measured with 1 threads, not 2"
mae 3 profile "$models/two_inputs.onnx" --threads 1 --merge ort.json -o none.json
says "ort.json: a profile of another network"
sed 's/"resource": "cpu"/"resource": "npu"/' ort.json >npu.json
profile 3 --merge npu.json -o none.json
says "npu.json: its cpu/ort is ort on npu, the one here ort on cpu"
sed 's/"energy_source": "none"/"energy_source": "meter"/; s/"time_ms"/"energy_mj": 1, "time_ms"/' ort.json >meter.json
profile 3 --merge meter.json -o none.json
says_beside_output "energy_source: meter in the older one, none in the newer"
mae 3 profile "$model" --merge missing.json -o none.json
says "missing.json"
mae 3 profile "$model" --merge "$images/gradient.png" -o none.json
says "gradient.png"
mae 0 profile "$models/dynamic.onnx" --shape image=1,3,24,20 --threads 1 --budget 0.3 -o small.json
mae 3 profile "$models/dynamic.onnx" --shape image=1,3,32,20 --threads 1 --merge small.json -o none.json
says "small.json: a profile for inputs of other sizes"

# Ctrl-C leaves the profile that was to be replaced as it was.
interrupts profile "$model" --threads 1 --budget 60 --merge ort.json -o ort.json
cmp -s ort.json ort.copy || fail "the old profile was changed"
only_files ort.json ort.copy named.json all.json all2.json hole.json whole.json aged.json fresh.json apart.json \
    npu.json meter.json small.json
