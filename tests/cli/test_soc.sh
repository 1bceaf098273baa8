# SoC files on the command line: written, read, refused; energy by stated watts, and none without.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"

mae 0 pes --json
grep -q '"meters"' out || fail "no meters in mae pes --json"
need_pe cpu/ort

mae 0 pes --write board.json
grep -q '"mae-soc"' board.json || fail "no SoC file was written"
mae 0 pes --soc board.json
grep -q '^cpu/ort ' out || fail "the SoC file's PE is not there"

cat >watts.json <<EOF
{ "format": "mae-soc", "version": 1, "name": "desk", "mode": "quiet", "static_w": 2,
  "pes": [ { "name": "one", "backend": "ort", "resource": "cpu", "threads": 1, "watts": 5 },
           { "name": "gone", "backend": "nothing", "watts": 5 } ] }
EOF
mae 0 pes --soc watts.json
grep -q 'model: 5 W' out || fail "the model is not shown"
grep -q 'not here: gone' out || fail "a PE that is not here is not named"
mae 0 profile "$models/tiny.onnx" --soc watts.json --budget 1 -o watts.profile.json
grep -q 'gone is left out' err || fail "a PE that is left out is not told"
grep -q 'model: stated watts' out || fail "the model is not told"
grep -q '"energy_source": "model"' watts.profile.json || fail "no modelled energy"
grep -q '"mode": "quiet"' watts.profile.json || fail "the power mode is lost"
mae 0 plan watts.profile.json --minimize energy

sed 's/, "watts": 5//' watts.json >none.json
mae 0 profile "$models/tiny.onnx" --soc none.json --budget 1 -o none.profile.json
grep -q 'energy: none: neither a rail nor watts' out || fail "why there is no energy is not told"
mae 4 plan none.profile.json --minimize energy

sed 's/"watts"/"wats"/' watts.json >slip.json
mae 3 pes --soc slip.json
says 'slip.json:2:88: pes[0].wats: no such key here'
printf '{' >half.json
mae 3 profile "$models/tiny.onnx" --soc half.json -o x.json
mae 3 pes --soc absent.json
sed 's/"threads": 1/"options": {"provider": "magic"}/' watts.json >option.json
mae 3 pes --soc option.json
says '"magic" is not a provider'
says ' CPU' # alone, or behind others that this ONNX Runtime has
sed 's/"threads": 1/"options": {"provider": "CPUExecutionProvider", "speed": 9}/' watts.json >option.json
mae 3 pes --soc option.json
says 'has no option "speed"'

# A provider that is not here is left out, in one line that says what there is; a processor that is not here refuses the file.
sed 's/"threads": 1/"options": {"provider": "vsinpu"}/' watts.json >provider.json
mae 0 pes --soc provider.json
prints 'not here: one: '
prints 'without the provider "vsinpu"; it has '
mae 1 profile "$models/tiny.onnx" --soc provider.json -o x.json
grep -q 'one is left out: .*CPU' err || fail "the providers that are here are not named"
sed 's/"threads": 1/"cores": "0,1023"/' watts.json >cores.json
mae 3 pes --soc cores.json
says 'PE one: there is no processor 1023 here'

# What stands beside MAEG, and which tolerance was held to.
cat >two.json <<EOF
{ "format": "mae-soc", "version": 1, "name": "desk",
  "pes": [ { "name": "one", "backend": "ort", "cores": "0", "resource": "cpu", "precision": "f32" },
           { "name": "two", "backend": "ort", "options": { "provider": "CPU" }, "cores": "0", "resource": "cpu",
             "precision": "f16", "rel_tolerance": 0.25 } ] }
EOF
mae 0 bench "$models/tiny.onnx" --soc two.json --budget 1 --json
grep -q '"precision": "f16"' out || fail "the precision of a PE is lost"
grep -q '"mixed_precision": ' out || fail "mixed precision is not told"
grep -q '"precisions": ' out || fail "the plan's precisions are lost"
grep -q '"rel_tolerance": 0\.\(25\|0001\)' out || fail "the tolerance is lost"
