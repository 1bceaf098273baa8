# mae bench: the plan it offers never loses to the best single PE that it measured, and it says what it found.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort cpu/onednn
model=$models/tiny.onnx

mae 0 bench "$model" --input "$images/gradient.png" --threads 1 --budget 1 --race 1 -o plan.json --json
json_has '"format":"mae-bench","version":1,"model":{"name":"tiny"'
json_has '"threads":1'
json_has '"single_pe":[{"pe":"cpu/ort","complete":true,"latency_ms":'
json_has '{"pe":"cpu/onednn","complete":true,"latency_ms":'
json_has '"verify":{"max_abs":'
json_has '"ok":true'
json_has '"goal":{"minimize":"latency"}'
json_has '"choice":{"before":'
json_has '"scale":{"factor":'
json_has '"meets_bounds":true'
grep -q '"mae-plan"' plan.json || fail "the plan was not written"
latency=$(flat | grep -o '"plan":{.*' | grep -o '"latency_ms":[0-9.e-]*' | head -n 1 | cut -d: -f2)
for single in $(flat | grep -o '"complete":true,"latency_ms":[0-9.e-]*' | cut -d: -f3); do
    awk -v plan="$latency" -v single="$single" 'BEGIN { exit !(plan > 0 && plan <= single * 1.05) }' ||
        fail "the plan offered takes $latency ms, a single PE $single ms"
done

# What it offers runs, and the table says which it is.
mae 0 run "$model" --plan plan.json --input "$images/gradient.png" --verify
prints "verified against ONNX Runtime"
mae 0 profile "$model" --threads 1 --budget 1 -o profile.json
mae 0 bench "$model" --profile profile.json --threads 1 --race 1
prints "cpu/ort"
prints "cpu/onednn"
prints "conv1"
prints "median ms"
prints "95 % interval"
prints "Outputs verified against ONNX Runtime"
grep -Eq 'Mixing (paid|did not pay)' out || fail "it does not say whether mixing paid"
grep -q ' \*' out || fail "no layer has its PE marked"
if grep -q "$(printf '\033')" out; then fail "colours where there is no terminal"; fi

# One PE alone is its own best.
mae 0 bench "$model" --pes cpu/ort --budget 1 --race 1 --json
json_has '"single_pe":true'
mae 0 bench "$model" --pes cpu/ort --budget 1 --race 1
prints "There is only cpu/ort here"

# A profile of another network, or of other PEs, is refused.
mae 0 profile "$models/two_inputs.onnx" --budget 1 -o other.json
mae 3 bench "$model" --profile other.json
says "another network"
mae 3 bench "$model" --profile profile.json --pes cpu/ort
says "other PEs"
mae 4 bench "$model" --profile profile.json --max-latency-ms 1e-9 -o none.json
says_beside_output "mae: "

# Goals with energy: by a profile that has some they are raced, without a meter they are refused before anything is measured.
mae 4 bench "$model" --minimize energy -o none.json
says "no PE here has a meter"
mae 4 bench "$model" --profile profile.json --minimize edp
says_beside_output "the profile has none"
sed 's/"energy_source": *"none"/"energy_source": "model"/; s/"time_ms": *[0-9.e-]*/&, "energy_mj": 1.5/' profile.json >joules.json
mae 0 bench "$model" --profile joules.json --threads 1 --race 1 --minimize energy --json
json_has '"energy_source":"predicted"'
json_has '"objective":'
mae 0 bench "$model" --profile joules.json --threads 1 --race 1 --minimize energy
prints "mJ (predicted)"
prints "predicted by the profile's figures"

# Inputs that are given are what is profiled with: numbers made up lead into the branch that does not fit the frame.
{
    printf '\223NUMPY\001\000\166\000'
    printf "%-117s\n" "{'descr': '<i8', 'fortran_order': False, 'shape': (), }"
    printf '\200\076\000\000\000\000\000\000'
} >rate.npy
mae 1 bench "$models/branches.onnx" --shape frame=1,4 --pes cpu/ort --budget 1 --race 0.3 --json
grep -q "If" err || fail "$ran: the message does not name the If"
mae 0 bench "$models/branches.onnx" --shape frame=1,4 --input rate=rate.npy --input frame=random:1 --pes cpu/ort --budget 1 --race 0.3 --json
json_has '"ok":true'

# The same of profiles alone.
mae 1 profile "$models/branches.onnx" --shape frame=1,4 --pes cpu/ort --budget 0.5 -o made-up.json
grep -q "If" err || fail "$ran: the message does not name the If"
[ ! -e made-up.json ] || fail "$ran: a profile was written"
mae 2 profile "$models/branches.onnx" --shape frame=1,4 --input rate=rate.npy --pes cpu/ort --budget 0.5 -o missing.json
says "input 'frame' is missing"
mae 0 profile "$models/branches.onnx" --shape frame=1,4 --input rate=rate.npy --input frame=random:1 --pes cpu/ort --budget 0.5 -o given.json
mae 0 plan given.json

only_files plan.json profile.json other.json joules.json rate.npy given.json
