# Overlapped frames, on a profile small enough to check by hand:
#
#        / b \         gpu  dla                the other alone and together
#   a --      -- d  a   1    3    (ms)         gpu 1.5 times as long beside the DLA,
#        \ c /      b   2    2                 DLA 1.25 times beside the GPU;
#                   c   2    3                 a move 0.25 ms, 0.5 mJ; layers 10 mJ (GPU), 1 mJ (DLA); 2 W idle
#                   d   1    1
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
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

mae 2 plan free.json --schedule overlap --front front.json
says "--front is of serial frames"
sed 's/"overlap"/"sideways"/' free.plan.json >bad.plan.json
mae 3 run "$models/tiny.onnx" --plan bad.plan.json
says 'schedule: "sideways" is not serial or overlap'
