# mae plan --minimize period, mae run with such a plan, and mae bench --throughput, on a virtual SoC and on engines.
#
#   in -> a -> b -> c -> out       gpu    dla
#                              a   1, 10  2, 1     (ms, mJ)
#                              b   1, 10  2, 1
#                              c   1, 10  -        a move of 1 MiB: 0.5 ms, 0.5 mJ
#
# The dla cannot run c, so there are no two replicas: a on the dla (2 ms) and b, c on the gpu (2.5 ms with the move).
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
cp "$profiles/three.profile.json" three.json

mae 0 plan three.json --minimize period -o plan.json --json
json_has '"goal":{"minimize":"period"}'
json_has '"throughput":{"period_ms":2.5,"latency_ms":4.5'
json_has '"segments":[{"pe":"dla","layers":["a"]},{"pe":"gpu","layers":["b","c"]}]'
json_has '"loads":[{"resource":"dla","time_ms":2.0},{"resource":"gpu","time_ms":2.5}]'
json_has '"maeg":{"value":0.16666'
json_has '"baseline":"gpu"'
json_has '"optimal":true'
close "$(flat | grep -o '"predicted":{"latency_ms":[0-9.]*' | cut -d: -f3)" 4.5
mae 0 plan three.json --minimize period
prints "least period"
prints "400.00"
prints "proven optimal"
mae 0 plan three.json --minimize period --max-latency-ms 3.2 --json
json_has '"throughput":{"period_ms":3.0'
mae 4 plan three.json --minimize period --max-latency-ms 2.9 --json
json_has '"feasible":false'
says_beside_output "no arrangement"
mae 4 plan three.json --minimize period --max-energy-mj 5
says "no arrangement"
mae 2 plan three.json --minimize period --period-ms 5
says "period-ms"
mae 2 bench "$models/tiny.onnx" --minimize period
says "--throughput"
mae 2 bench "$models/tiny.onnx" --throughput --minimize energy
says "--throughput"
sed 's/"period_ms"/"perlod_ms"/' plan.json >broken.json
mae 3 run "$models/tiny.onnx" --plan broken.json
says "broken.json"
sed 's/"replicas": \[/"replicas": [ 7, /' plan.json >broken.json
mae 3 run "$models/tiny.onnx" --plan broken.json
says "throughput.replicas[0]"

# A virtual SoC whose PEs compute what the network does, on its own clock: what is measured is what is planned.
need_pe cpu/ort
cp "$profiles/virtual_soc.truth.json" truth.json
cat >board.json <<'END'
{ "format": "mae-soc", "version": 1, "name": "virtual", "mode": "MAX", "pes": [
  { "name": "gpu@high", "backend": "sim", "resource": "gpu",
    "options": { "profile": "./truth.json", "outputs": "reference", "clock": "virtual" } },
  { "name": "gpu@low", "backend": "sim", "resource": "gpu",
    "options": { "profile": "./truth.json", "outputs": "reference" } },
  { "name": "dla", "backend": "sim", "resource": "dla",
    "options": { "profile": "./truth.json", "outputs": "reference" } } ] }
END
mae 0 plan truth.json --minimize period -o plan.json --json
planned=$(flat | grep -o '"throughput":{"period_ms":[0-9.]*' | cut -d: -f3)
latency=$(flat | grep -o '"throughput":{"period_ms":[0-9.]*,"latency_ms":[0-9.]*' | cut -d: -f4)
mae 0 run "$models/tiny.onnx" --soc board.json --plan plan.json --frames 200 --verify --trace trace.json --json
json_has '"ok":true'
close "$(value predicted_period_ms)" "$planned"
within() {
    awk -v s="$1" -v a="$2" -v b="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d <= s * b) }' ||
        fail "$ran: $2 is not $3 within $1"
}
# But for a frame of each replica at either end.
within 0.03 "$(value period_ms)" "$planned"
# A frame waits for those before it in its replica, of which there are at the most two.
awk -v a="$(value max)" -v l="$latency" -v p="$planned" 'BEGIN { exit !(a >= l - 1e-5 && a <= 3 * p + 1e-5) }' ||
    fail "latency $(value max), planned $latency every $planned"
[ "$(grep -o '"ph": *"s"' trace.json | wc -l)" -gt 0 ] || [ -s trace.json ] || fail "no trace"
mae 0 run "$models/tiny.onnx" --soc board.json --plan plan.json --frames 3 --output outputs
prints "a second (predicted"
[ -s outputs/*.npy ] || fail "no outputs"
# What is measured on the virtual clock is what was planned, and nothing beats it.
mae 0 bench "$models/tiny.onnx" --soc board.json --throughput --profile truth.json --race 1 --json -o best.json
json_has '"format":"mae-bench"'
json_has '"throughput":{"offered":"'
json_has '"kind":"arrangement","raced":true,"offered":true,"verified":true'
flat best.json | grep -q '"throughput":{"period_ms"' || fail "no arrangement in the plan"
json_has '"what":"best_single"'
within 0.2 "$(flat | grep -o '"offered":true,.*' | grep -o '"period_ms":[0-9.]*' | head -n 1 | cut -d: -f2)" "$planned"
mae 0 run "$models/tiny.onnx" --soc board.json --plan best.json --frames 5 --verify
prints "verified"
mae 0 bench "$models/tiny.onnx" --soc board.json --throughput --profile truth.json --race 1
prints "offered"
prints "the best single PE"
mae 3 bench "$models/tiny.onnx" --soc board.json --throughput --profile three.json
says_beside_output "profile"
if [ "$(nproc)" -ge 2 ]; then
    mae 0 bench "$models/tiny.onnx" --throughput --budget 1 --race 0.5 --json -o cores.json
    json_has '"what":"sessions"'
    json_has '"what":"threads"'
    json_has '"name":"ortoneachresource"'
    mae 0 run "$models/tiny.onnx" --plan cores.json --frames 20 --verify
    prints "verified"
fi
