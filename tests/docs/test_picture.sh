# The picture of the README is what the program and the tool that draws it give today.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
command -v node >/dev/null || { echo "skipped: no node"; exit 77; }
profile=$MAE_SOURCE_DIR/examples/profiles/xavier-agx-googlenet.json

mae 0 plan "$profile" --minimize energy --max-latency-ms 2.3 -o plan.json --front front.json
node "$MAE_SOURCE_DIR/tools/picture.mjs" "$profile" plan.json front.json >picture.svg 2>err || fail "picture.mjs"
cmp picture.svg "$MAE_SOURCE_DIR/docs/pictures/googlenet-front.svg" >out 2>&1 ||
    fail "docs/pictures/googlenet-front.svg is not what the tool draws: node tools/picture.mjs PROFILE PLAN FRONT"

# The tool costs mappings by itself: a plan that states something else is found out.
sed 's/"latency_ms": *2\.2/"latency_ms": 2.3/' plan.json >wrong.json
if node "$MAE_SOURCE_DIR/tools/picture.mjs" "$profile" wrong.json front.json >out 2>err; then fail "a wrong plan is drawn"; fi
grep -q 'the plan costs something else' err || fail "no message"
