# A virtual SoC from a SoC file: profile, plan, run and bench on its own clock, meter and all, against a known truth.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort # the reference, whose values the virtual PEs give
model=$models/tiny.onnx
cp "$profiles/virtual_soc.truth.json" truth.json

soc() { # NAME OPTIONS-OF-THE-SOC [OPTIONS-OF-ALL-PES]: writes NAME.json, whose meter lies in the folder NAME
    all="\"profile\": \"./truth.json\", \"outputs\": \"reference\"${3:+, $3}"
    mkdir -p "$1"
    cat >"$1.json" <<END
{ "format": "mae-soc", "version": 1, "name": "virtual", "mode": "MAX",
  "meter": { "driver": "hwmon", "root": "./$1" }, "static_rails": ["gpu", "dla", "VDD_SYS"],
  "pes": [
    { "name": "gpu@low", "backend": "sim", "resource": "gpu", "rails": ["gpu"],
      "options": { $all, "meter_root": "./$1", $2 } },
    { "name": "gpu@high", "backend": "sim", "resource": "gpu", "rails": ["gpu"], "options": { $all } },
    { "name": "dla", "backend": "sim", "resource": "dla", "rails": ["dla"], "options": { $all } } ] }
END
}

within() { # SHARE A B: A is B but for this share
    awk -v s="$1" -v a="$2" -v b="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d <= s * b) }' ||
        fail "$ran: $2 is not $3 within $1"
}

emptied() {
    [ -z "$(ls -A "$1")" ] || fail "$ran: left files in $1"
}

quiet() { # progress aside
    grep -v '^ *[0-9]* %  ' err >rest || true
    mv rest err
    [ ! -s err ] || fail "$ran: $(cat err)"
}

soc board '"clock": "virtual", "thermal_k_per_w": 2, "battery_wh": 50' '"noise": 0.004, "power_noise": 0.004'
mae 0 pes --soc board.json
prints "gpu@high  gpu       sim"
prints "hwmon: dla"
emptied board

# What is measured is the truth: time within 1 %, energy within 2 %, idle draw included.
mae 0 profile "$model" --soc board.json --budget 20 -o measured.json
quiet
emptied board
flat measured.json | grep -qF '"energy_source":"meter"' || fail "no energy by meter"
within 0.01 "$(value static_w measured.json)" 1.5
for pe in gpu@low gpu@high dla; do
    mae 0 eval truth.json --mapping "$pe*6" --json
    ms=$(value latency_ms)
    mj=$(value energy_mj)
    mae 0 eval measured.json --mapping "$pe*6" --json
    within 0.01 "$(value latency_ms)" "$ms"
    within 0.02 "$(value energy_mj)" "$mj"
done

# So is the plan.
for goal in latency energy edp; do
    mae 0 plan truth.json --minimize $goal --json
    best=$(value "$([ $goal = energy ] && echo energy_mj || echo latency_ms)")
    mae 0 plan measured.json --minimize $goal --json -o $goal.json
    within 0.02 "$(value "$([ $goal = energy ] && echo energy_mj || echo latency_ms)")" "$best"
done
for goal in energy edp; do
    flat $goal.json | grep -q '"pe":"dla","layers":\["conv1","pool1"\]' || fail "another plan for $goal than by the truth"
done

# It runs there as predicted, with the reference's values.
mae 0 run "$model" --soc board.json --plan edp.json --frames 30 --verify --json
json_has '"ok":true'
json_has '"max_abs":0'
within 0.01 "$(value p50)" 14.65

# Bench measures every single PE's energy and the plan's: within 2 % of the truth, whatever the profile says of one PE.
mae 0 bench "$model" --soc board.json --budget 20 --minimize energy --max-latency-ms 33 --json -o offered.json
json_has '"ok":true'
json_has '"source":"measured","profile":"meter","meter":"hwmon","rails":["gpu","dla"]'
emptied board
mv out bench.json
energy_of() { # PE
    flat bench.json | grep -o "\"pe\":\"$1\",\"complete\":true[^{}]*" | head -n 1 | grep -o '"energy_mj":[0-9.]*' | cut -d: -f2
}
for pe in gpu@low gpu@high dla; do
    mae 0 eval truth.json --mapping "$pe*6" --json
    within 0.02 "$(energy_of $pe)" "$(value energy_mj)"
done
mae 0 eval truth.json --mapping 'dla*2,gpu@low*4' --json
truth=$(value energy_mj)
flat offered.json | grep -q '"pe":"dla","layers":\["conv1","pool1"\]' || fail "another plan than by the truth"
within 0.02 "$(flat bench.json | sed 's/.*"predicted_mj"//' | grep -o '"energy_mj":[0-9.]*' | head -n 1 | cut -d: -f2)" "$truth"

# A profile that has the DLA's energy wrong: a plan for it, but not one offered that the meter finds no better.
sed 's/"dla": *{ "time_ms": \([0-9.]*\), "energy_mj": [0-9.]* }/"dla": { "time_ms": \1, "energy_mj": 0.1 }/g' truth.json >wrong.json
mae 0 plan wrong.json --minimize energy --json
flat | grep -q '"segments":\[{"pe":"dla"[^{}]*}\]' || fail "the wrong profile does not tempt"
mae 0 bench "$model" --soc board.json --profile wrong.json --minimize energy
prints "mJ (measured)"
prints "Measured by the hwmon meter (gpu, dla)"
prints "alone is what the plan offers"
quiet
emptied board

# Slow motion on a real clock, a little of it, to be quick.
soc real '"stretch": 2, "clock": "real"'
mae 0 run "$model" --soc real.json --plan edp.json --frames 5 --verify --json
awk -v ms="$(value p50)" 'BEGIN { exit !(ms >= 2 * 14.6) }' || fail "$ran: sooner than it can be"
emptied real

# A real clock slowed 100 times, against a truth of a tenth of the times, so that a budget of minutes is enough.
if [ -n "${MAE_LONG:-}" ]; then
    soc slowed '"stretch": 100, "clock": "real"'
    cp truth.json whole.json
    awk '{ while (match($0, /"(time_ms|segment_ms|fixed_ms)": *[0-9.]+/)) {
               split(substr($0, RSTART, RLENGTH), part, ":")
               printf "%s%s: %.9g", substr($0, 1, RSTART - 1), part[1], part[2] / 10
               $0 = substr($0, RSTART + RLENGTH) }
           print }' whole.json >truth.json
    mae 0 profile "$model" --soc slowed.json --budget 400 -o slowed-measured.json
    quiet
    for pe in gpu@low gpu@high dla; do
        mae 0 eval truth.json --mapping "$pe*6" --json
        ms=$(value latency_ms)
        mj=$(value energy_mj)
        mae 0 eval slowed-measured.json --mapping "$pe*6" --json
        within 0.01 "$(value latency_ms)" "$(awk -v ms="$ms" 'BEGIN { print ms * 100 }')"
        within 0.02 "$(value energy_mj)" "$(awk -v mj="$mj" 'BEGIN { print mj * 100 }')"
    done
    mv whole.json truth.json
    emptied slowed
fi

# Faults by script: a PE that slows, and one that is lost.
cat >slow.script <<'END'
{ "events": [ { "at_run": 1, "pe": "dla", "event": "slow", "factor": 3 } ] }
END
soc slow '"clock": "virtual", "script": "./slow.script"'
mae 0 run "$model" --soc slow.json --plan edp.json --frames 9 --json
close "$(value p50)" 24.75 # three times the 5.05 ms of its segment
cat >lost.script <<'END'
{ "events": [ { "at_ms": 100, "pe": "gpu@high", "event": "lose" } ] }
END
soc lost '"clock": "virtual", "script": "./lost.script"'
mae 1 run "$model" --soc lost.json --plan edp.json --frames 90
says_beside_output "the virtual device is gone"
emptied lost

# Tags are not the network's values, and verifying says so.
sed 's/, "outputs": "reference"//' board.json >tags.json
mae 6 run "$model" --soc tags.json --plan edp.json --verify --json
json_has '"ok":false'

# Mistakes.
soc typo '"clock": "sundial"'
mae 3 pes --soc typo.json
says 'option clock of a virtual PE cannot be "sundial"'
echo '{ "events": [ { "at_ms": 1, "pe": "npu", "event": "lose" } ] }' >bad.script
soc bad '"clock": "virtual", "script": "./bad.script"'
mae 3 pes --soc bad.json
says 'bad.script:1:35: events[0].pe: the profile has no PE of this name'
touch full.tmp
soc full '"clock": "virtual"'
mv full.tmp full/
mae 3 pes --soc full.json
says "is not empty"
