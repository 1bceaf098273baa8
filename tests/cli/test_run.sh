# mae profile, plan and run: from a network to verified outputs, on one engine and on two.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort cpu/onednn

mae 0 pes
prints "cpu/ort"
prints "none"
mae 0 pes --pes cpu/onednn --json
json_has '"format":"mae-pes","version":1,"pes":[{"name":"cpu/onednn","resource":"cpu","backend":"onednn"'
json_has '"meter":null'

model=$models/tiny.onnx
mae 0 profile "$model" -o tiny.json --budget 1 --threads 1
prints "conv3x3"
prints "GFLOP/s"
prints "cpu/ort: 6 layers"
json=$(flat tiny.json)
case $json in
*'"format":"mae-profile","version":1'*'"layers":'*) ;;
*) fail "the profile: $json" ;;
esac

# A plan's prediction is what eval says of its mapping.
mae 0 plan tiny.json -o tiny.plan.json --json
predicted=$(value latency_ms)
mapping=$(flat | grep -o '"segments":\[.*\],"predicted"' | grep -o '"pe":"[^"]*","layers":\[[^]]*\]' |
    while IFS= read -r segment; do
        pe=$(echo "$segment" | cut -d'"' -f4)
        echo "$pe*$(echo "$segment" | sed 's/.*\[//' | tr ',' '\n' | wc -l)"
    done | paste -sd, -)
mae 0 eval tiny.json --mapping "$mapping" --json
close "$(value latency_ms)" "$predicted"

# Mappings: each single PE, both ways round, and turn about. All outputs verified, and all the same.
write_plan() { # FILE, then PE for each of the 6 layers
    file=$1
    shift
    {
        echo '{ "format": "mae-plan", "version": 1, "model": { "name": "tiny", "sha256": "" }, "goal": { "minimize":'
        echo '"latency" }, "segments": ['
        comma=
        for layer in $layers; do
            # Consecutive layers on one PE are one segment.
            if [ "$1" = "${last:-}" ]; then
                printf ', "%s"' "$layer"
            else
                printf '%s { "pe": "%s", "layers": [ "%s"' "$comma" "$1" "$layer"
            fi
            last=$1
            shift
            comma=' ] },'
        done
        last=
        echo '] } ], "predicted": { "latency_ms": 1, "energy_mj": null, "switches": 0 }, "single_pe": [],'
        echo '"maeg": { "value": null, "baseline": null, "enables": true, "definition": "" }, "optimal": false, "gap": 1 }'
    } >"$file"
}
layers=$(flat tiny.json | grep -o '"layers":.*' | grep -o '{"name":"[^"]*","op"' | cut -d'"' -f4)
[ "$(echo "$layers" | wc -l)" -eq 6 ] || fail "not 6 layers: $layers"
o=cpu/ort
d=cpu/onednn
i=0
for mapping in "$o $o $o $o $o $o" "$d $d $d $d $d $d" "$o $o $o $d $d $d" "$d $d $d $o $o $o" "$o $d $o $d $o $d"; do
    # shellcheck disable=SC2086
    write_plan mix.plan.json $mapping
    mae 0 run "$model" --plan mix.plan.json --input random:7 --verify --frames 3 --output "out$i" --trace trace.json --json
    json_has '"format":"mae-run","version":1,"frames":3,"latency_ms":{"p50":'
    json_has '"verify":{"max_abs":'
    json_has '"ok":true}'
    json_has '"outputs":[{"name":"score","shape":[1,5],"dtype":"f32"}]'
    [ "$(head -c 6 "out$i/score.npy" | tail -c 5)" = NUMPY ] || fail "no .npy file"
    [ "$(wc -c <"out$i/score.npy")" -eq 148 ] || fail "the size of score.npy"
    segments=$(flat trace.json | grep -o '"cat":"segment"' | wc -l)
    [ "$segments" -eq $((3 * $(grep -o '"pe"' mix.plan.json | wc -l))) ] || fail "$segments segments in the trace"
    i=$((i + 1))
done
for k in 1 2 3 4; do
    od -An -tf4 -j128 out0/score.npy >a
    od -An -tf4 -j128 out$k/score.npy >b
    paste -d' ' a b | awk '{ n = NF / 2; for (i = 1; i <= n; i++) { e = $i - $(i + n); if (e < 0) e = -e; if (e > 1e-4) exit 1 } }' ||
        fail "mapping $k computes something else"
done

# The same seed gives the same output, another one another.
mae 0 run "$model" --plan mix.plan.json --input random:7 --output again
cmp -s out4/score.npy again/score.npy || fail "random:7 is not reproducible"
mae 0 run "$model" --plan mix.plan.json --input random:8 --output again
if cmp -s out4/score.npy again/score.npy; then fail "random:8 is random:7"; fi
mae 0 run "$model" --plan mix.plan.json --input random:1 --output again
mae 0 run "$model" --plan mix.plan.json --output same
cmp -s same/score.npy again/score.npy || fail "no input is not random:1"
rm -r same

# Images, layouts, dynamic shapes; an output fed in again; names that no file may have.
mae 0 run "$model" --input "$images/gradient.jpg" --mean .5 --std .25,.25,.5 --swap-rgb --verify
grep -Eq '^verified against ONNX Runtime: .* \(tolerance [0-9.e-]+ \+ [0-9.e-]+ x the output.s largest\)$' out ||
    fail "no tolerance is said"
mae 0 run "$models/dynamic.onnx" --shape image=1,3,24,20 --input "$images/gradient.png" --verify --json
json_has '"ok":true}'
mae 0 run "$models/two_inputs.onnx" --input random:3 --output two
[ -f two/out_put_0.npy ] || fail "no two/out_put_0.npy: $(ls two)"
mae 0 run "$models/two_inputs.onnx" --input a=two/sum.npy --input b=two/sum.npy --output sums
od -An -tf4 -j128 two/sum.npy >a
od -An -tf4 -j128 sums/sum.npy >b
paste -d' ' a b | awk '{ for (i = 1; i <= 4; i++) { e = 2 * $i - $(i + 4); if (e < 0) e = -e; if (e > 1e-5) exit 1 } }' ||
    fail "sum + sum is not twice the sum"

# ONNX's own test data name their inputs.
data=/usr/share/libonnx-testdata/data/node/test_sub
if [ -f $data/model.onnx ]; then
    mae 0 run $data/model.onnx --input $data/test_data_set_0/input_1.pb --input $data/test_data_set_0/input_0.pb \
        --verify --output sub
    size=$(wc -c <sub/z.npy)
    tail -c $((size - 128)) sub/z.npy >a
    tail -c $((size - 128)) $data/test_data_set_0/output_0.pb >b
    cmp a b || fail "not the output that ONNX gives"
else
    echo "no libonnx-testdata here: its data are left out"
fi
