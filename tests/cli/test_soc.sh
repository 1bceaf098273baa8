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
says ', CPU'
sed 's/"threads": 1/"options": {"provider": "CPUExecutionProvider", "speed": 9}/' watts.json >option.json
mae 3 pes --soc option.json
says 'has no option "speed"'
