# mae plan and mae eval on a profile small enough to check by hand.
#
#   in -> a -> b -> c -> out       gpu    dla
#                              a   1, 10  2, 1     (ms, mJ)
#                              b   1, 10  2, 1
#                              c   1, 10  -        a move of 1 MiB: 0.5 ms, 0.5 mJ; no idle draw, no host
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
cp "$profiles/three.profile.json" three.json

mae 0 eval three.json --mapping gpu,gpu,gpu --json
json_has '"format":"mae-eval","version":1,"feasible":true'
json_has '"reason":null'
close "$(value latency_ms)" 3
close "$(value energy_mj)" 30
[ "$(value switches)" = 0 ] || fail "switches"
mae 0 eval three.json --mapping 'dla*2,gpu' --json
close "$(value latency_ms)" 5.5
close "$(value energy_mj)" 12.5
[ "$(value switches)" = 1 ] || fail "switches"
mae 0 eval three.json --mapping dla,dla,gpu
prints "5.5 ms"
prints "12.5 mJ"
mae 4 eval three.json --mapping dla,dla,dla --json
json_has '"feasible":false'
json_has '"latency_ms":null'
says_beside_output "c"
mae 4 eval three.json --mapping dla,dla,dla
says "c"
mae 2 eval three.json --mapping gpu,gpu
says "--mapping names 2 PEs, but the profile has 3 layers"
mae 2 eval three.json --mapping gpu,gpu,npu
says "the profile has no PE 'npu'"
mae 2 eval three.json --mapping 'gpu*4'
says "gpu"

mae 0 plan three.json --json
json_has '"format":"mae-plan","version":1'
json_has '"segments":[{"pe":"gpu","layers":["a","b","c"]}]'
json_has '"optimal":true'
close "$(value latency_ms)" 3
mae 0 plan three.json --minimize energy --json -o energy.plan.json
json_has '"segments":[{"pe":"dla","layers":["a","b"]},{"pe":"gpu","layers":["c"]}]'
json_has '"baseline":"gpu"'
grep -q '"mae-plan"' energy.plan.json || fail "the plan was not written"
close "$(value energy_mj)" 12.5
mae 0 plan three.json --minimize energy --max-switches 0 --json
json_has '"segments":[{"pe":"gpu","layers":["a","b","c"]}]'
mae 0 plan three.json --minimize energy --max-latency-ms 4 --json
json_has '"segments":[{"pe":"gpu","layers":["a","b","c"]}]'

# For people: predicted, the definition of MAEG, the front with the plan and the single PE in it.
mae 0 plan three.json --minimize energy
prints "predicted"
prints "MAEG 58.3 % (predicted): 1 - J(plan) / J(gpu)"
prints "predicted energy (mJ)"
prints "A gpu"
grep -q '|.*\*' out || fail "no plan in the plot"
grep -q '|.*A' out || fail "no single PE in the plot"
[ "$(grep -c "$(printf '\033')" out)" -eq 0 ] || fail "colours where there is no terminal"

mae 0 plan three.json --front front.json
json=$(flat front.json)
case $json in
*'"format":"mae-front"'*'"points":['*'"exact":true'*) ;;
*) fail "the front: $json" ;;
esac
[ "$(flat front.json | grep -o '"latency_ms"' | wc -l)" -eq 3 ] || fail "the front has not three points: $json"

mae 4 plan three.json --max-latency-ms 2 --json -o none.plan.json
json_has '"feasible":false'
json_has '"nearest":{'
close "$(value latency_ms)" 3
says_beside_output "nearest: 3 ms, 30 mJ"
mae 4 plan three.json --max-latency-ms 2 -o none.plan.json
says "nearest: 3 ms, 30 mJ"
mae 2 plan three.json --minimize nothing

# A bound of 0 is a bound: what costs something does not meet it, what costs nothing does.
mae 4 plan three.json --max-latency-ms 0 --json
json_has '"feasible":false'
close "$(value latency_ms)" 3
mae 4 plan three.json --max-energy-mj 0 --json
close "$(value latency_ms)" 5.5
mae 4 plan three.json --max-power-w 0 --period-ms 40
says_beside_output "nearest: 5.5 ms, 12.5 mJ"
sed 's/"time_ms": *[0-9.]*/"time_ms": 0/g' three.json >free.json
mae 0 plan free.json --max-latency-ms 0
prints "latency <= 0 ms"
rm free.json

# A list of PEs has no empty entries.
mae 2 eval three.json --mapping gpu,gpu,gpu,
says "--mapping: entry 4 is empty"
mae 2 eval three.json --mapping gpu,,gpu
says "--mapping: entry 2 is empty"
mae 2 eval three.json --mapping gpu,npu,gpu
says "--mapping: entry 2: the profile has no PE 'npu'"

# The greedy mapping: special PEs first, or the list that is given; where it is not allowed, why.
mae 0 plan three.json
grep -q '^greedy  *5.5000  *12.5000  *1 .*each layer on the first of dla, gpu$' out || fail "the greedy row"
prints "plans of the front (not exact: it misses no trade-off by more than 0.5 %)"
mae 0 plan three.json --front front.json
if grep -q "not exact" out; then fail "an exact front"; fi
mae 0 plan three.json --priority gpu,dla
grep -q '^greedy  *3.0000  *30.0000  *0 .*each layer on the first of gpu, dla$' out || fail "the greedy row"
mae 0 plan three.json --priority dla
prints 'not allowed: no PE of the priority list can run layer "c"'
mae 2 plan three.json --priority dla,
says "--priority: entry 2 is empty"
cp "$profiles/apart.profile.json" apart.json
mae 0 plan apart.json
grep -q '^greedy  *- .*not allowed: tensor "b" cannot be moved from dla to gpu' out || fail "the greedy row"
rm apart.json
only_files three.json energy.plan.json front.json

# Without energy.
sed 's/, *"energy_mj": *[0-9.]*//g; s/"energy_source": *"meter"/"energy_source": "none"/' three.json >dry.json
mae 0 plan dry.json --json
json_has '"energy_mj":null'
mae 4 plan dry.json --minimize energy --json
json_has '"feasible":false'
json_has '"energy_mj":null'
mae 0 plan dry.json
if grep -q "energy" out; then fail "energy out of nothing"; fi

# A layer that no PE supports; files that are none.
sed 's/"cost": { "gpu": { "time_ms": 1, "energy_mj": 10 } }/"cost": {}/' three.json >poor.json
mae 5 plan poor.json
says "c"
mae 3 plan missing.json
says "missing.json"
echo '{ "format": "mae-profile", "version": 1' >broken.json
mae 3 plan broken.json
says "broken.json:"
echo '{ "format": "mae-profile", "version": 9 }' >later.json
mae 3 eval later.json --mapping gpu
says "later.json:"
mae 3 plan "$images/gradient.png"
says "gradient.png"

# Nowhere to put the result: said before anything is done.
mae 1 plan three.json -o nowhere/plan.json
says "nowhere/plan.json: cannot write"
mae 1 plan three.json -o .
says ".: cannot write"
mae 1 plan three.json --front nowhere/front.json
says "nowhere/front.json: cannot write"
only_files three.json energy.plan.json front.json dry.json poor.json broken.json later.json
