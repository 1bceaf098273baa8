# Pages of mae report in a headless Chromium.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
for needed in chromium node; do
    command -v $needed >/dev/null || { echo "skipped: no $needed here (make test-browser installs it)"; exit 77; }
done
data=$MAE_SOURCE_DIR/tests/data/report
googlenet=$MAE_SOURCE_DIR/examples/profiles/xavier-agx-googlenet.json

mae 0 plan "$googlenet" --minimize energy --max-latency-ms 2.1 -o plan.json --front front.json
mae 0 plan "$googlenet" --minimize period -o period.json
mae 0 report "$googlenet" plan.json front.json -o energy.html
mae 0 report "$googlenet" period.json -o period.html
mae 0 report "$googlenet" "$data/bench.json" "$data/trace.json" "$data/scenario.json" -o all.html
mae 0 report "$data/bench.json" -o bench.html
mae 0 report plan.json front.json -o front.html
mae 0 report "$data/scenario.json" -o scenario.html
mae 0 report "$data/trace.json" -o trace.html
mae 0 report "$data/hostile.profile.json" -o hostile.html
mae 0 report "$data/throughput.json" -o throughput.html
mae 0 report "$googlenet" "$data/throughput.json" -o throughput-profile.html
mae 0 report "$profiles/branch.profile.json" -o branch.html
pages="energy.html period.html all.html bench.html front.html scenario.html trace.html hostile.html branch.html
    throughput.html throughput-profile.html"
if "$MAE_PROGRAM" pes --json 2>/dev/null | tr -d ' \n' | grep -q '"name":"cpu/ort"'; then
    mae 0 bench "$models/tiny.onnx" --budget 1 --race 1 --report tiny.html
    pages="$pages tiny.html"
fi
node "$MAE_SOURCE_DIR/tests/browser/report.mjs" "$(command -v chromium)" $pages
