# Overlapped frames, on a profile small enough to check by hand:
#
#        / b \         gpu  dla                the other alone and together
#   a --      -- d  a   1    3    (ms)         gpu 1.5 times as long beside the DLA,
#        \ c /      b   2    2                 DLA 1.25 times beside the GPU;
#                   c   2    3                 a move 0.25 ms, 0.5 mJ; layers 10 mJ (GPU), 1 mJ (DLA); 2 W idle
#                   d   1    1
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
about() { # but for what a clock of whole nanoseconds leaves out
    awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d <= 1e-6 * b) }' || fail "$ran: $1 is not $2"
}
cp "$profiles/branches.profile.json" contended.json
sed 's/"factor": [0-9.]*/"factor": 1/g' contended.json >free.json

# a on the GPU; b beside c, brought first; d on the DLA when both are there: 1 + 2.25, then 1.25.
mae 0 eval free.json --mapping gpu,dla,gpu,dla --schedule overlap --json
close "$(value latency_ms)" 4.5
close "$(value energy_mj)" "$(awk 'BEGIN { print 22 + 1 + 2 * 4.5 }')"
[ "$(value switches)" = 3 ] || fail "switches"
mae 0 eval free.json --mapping gpu,dla,gpu,dla --json
close "$(value latency_ms)" 6.5
mae 0 eval free.json --mapping gpu,dla,gpu,dla --schedule serial --json
close "$(value latency_ms)" 6.5
# Together b is done after 2.25 * 1.25 ms, c having done 2.8125 / 1.5 of its 2 ms; the rest of it alone.
mae 0 eval contended.json --mapping gpu,dla,gpu,dla --schedule overlap --json
close "$(value latency_ms)" 5.1875
mae 0 eval contended.json --mapping gpu,dla,gpu,dla --json
close "$(value latency_ms)" 6.5
mae 2 eval free.json --mapping gpu,dla,gpu,dla --schedule both
says "--schedule: 'both' is not serial or overlap"

mae 0 plan free.json --json
close "$(value latency_ms)" 6
! flat | grep -q '"schedule"' || fail "a serial plan that says so"
mae 0 plan free.json --schedule overlap --json -o free.plan.json
json_has '"schedule":"overlap"'
json_has '"optimal":true'
close "$(value latency_ms)" 4.5
mae 0 plan contended.json --schedule overlap --json
json_has '"optimal":true'
close "$(value latency_ms)" 5.1875
mae 0 plan contended.json --schedule overlap --minimize energy --max-latency-ms 5.5 --json
json_has '"segments":[{"pe":"gpu","layers":["a"]},{"pe":"dla","layers":["b"]},{"pe":"gpu","layers":["c"]},{"pe":"dla"'
mae 0 plan contended.json --schedule overlap --max-switches 0 --json
close "$(value latency_ms)" 6
mae 0 plan free.json --schedule overlap
prints "least latency, segments overlapped"
prints "proven optimal"

# What is nearest where nothing is fast enough.
mae 4 plan free.json --schedule overlap --max-latency-ms 4 --json
json_has '"feasible":false'
close "$(value latency_ms)" 4.5
says_beside_output "no mapping meets the bounds"

mae 2 plan free.json --schedule overlap --minimize period
says "least period"
mae 2 bench "$models/side_by_side.onnx" --schedule overlap --throughput
says "--throughput has a goal of its own"
mae 2 plan free.json --schedule overlap --front front.json
says "--front is of serial frames"
# On the virtual SoC, whose truth the profile is, a frame takes what was predicted, and outputs are the reference's.
need_pe cpu/ort
for soc in free contended; do
    cat >$soc.soc.json <<END
{ "format": "mae-soc", "version": 1, "name": "virtual", "pes": [
  { "name": "gpu", "backend": "sim", "resource": "gpu", "watts": 5,
    "options": { "profile": "./$soc.json", "outputs": "reference", "clock": "virtual" } },
  { "name": "dla", "backend": "sim", "resource": "dla", "watts": 1, "options": { "profile": "./$soc.json", "outputs": "reference" } } ] }
END
    mae 0 plan $soc.json --schedule overlap --json -o $soc.plan.json
    mae 0 run "$models/side_by_side.onnx" --soc $soc.soc.json --plan $soc.plan.json --frames 5 --verify --json
    json_has '"ok":true'
done
about "$(value p50)" 5.1875
mae 0 run "$models/side_by_side.onnx" --soc free.soc.json --plan free.plan.json --frames 5 --json
about "$(value p50)" 4.5
sed 's/"schedule": *"overlap",//' free.plan.json >serial.plan.json
mae 0 run "$models/side_by_side.onnx" --soc free.soc.json --plan serial.plan.json --frames 5 --json
about "$(value p50)" 6.5

# Measured there, profiles know what is slower beside what; bench offers the overlapped plan, which took what it was to.
mae 0 profile "$models/side_by_side.onnx" --soc contended.soc.json --budget 4 -o measured.json
flat measured.json | grep -qE '"pe":"gpu","with":"dla","factor":1\.(5|49999|50000)[0-9]*,"n":[0-9]+' || fail "contention of the GPU"
flat measured.json | grep -qE '"pe":"dla","with":"gpu","factor":1\.(25|24999|25000)[0-9]*,"n":[0-9]+' || fail "contention of the DLA"
mae 0 bench "$models/side_by_side.onnx" --soc contended.soc.json --profile contended.json --schedule overlap --race 1 --json
json_has '"schedule":"overlap"'
json_has '"segments":[{"pe":"gpu","layers":["a"]},{"pe":"dla","layers":["b"]},{"pe":"gpu","layers":["c"]},{"pe":"dla"'
about "$(flat | sed 's/.*"predicted_ms"//' | grep -o '"latency_ms":[0-9.]*' | head -n 1 | cut -d: -f2)" 5.1875
mae 0 bench "$models/side_by_side.onnx" --soc contended.soc.json --profile contended.json --schedule overlap --race 1
prints "segments overlapped: each takes so long alone"

sed 's/"overlap"/"sideways"/' free.plan.json >bad.plan.json
mae 3 run "$models/tiny.onnx" --plan bad.plan.json
says 'schedule: "sideways" is not serial or overlap'
