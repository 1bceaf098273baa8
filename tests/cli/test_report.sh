# mae report, and bench --report.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
data=$MAE_SOURCE_DIR/tests/data/report
googlenet=$MAE_SOURCE_DIR/examples/profiles/xavier-agx-googlenet.json

mae 2 report
says "FILE is missing"
mae 2 report "$googlenet"
says "-o REPORT is missing"
mae 3 report missing.json -o page.html
says "missing.json: cannot open"
mae 3 report "$models/tiny.onnx" -o page.html
says "tiny.onnx:1:"
echo '{"format": "mae-soc"}' >soc.json
mae 3 report soc.json -o page.html
says 'soc.json:1:12: format: "mae-soc": a profile'
mae 2 report "$googlenet" "$googlenet" -o page.html
says "both a profile"
mae 1 report "$googlenet" -o no/such/folder/page.html
says "no/such/folder/page.html: cannot write"
only_files soc.json

mae 0 report "$data/trace.json" "$googlenet" "$data/bench.json" "$data/scenario.json" -o page.html
[ ! -s out ] && [ ! -s err ] || fail "mae report says something"
head -c 15 page.html | grep -q '^<!doctype html>' || fail "no page"
for section in measured mapping network choices character timeline scenario sources; do
    grep -q "<section id=\"$section\"" page.html || fail "no section $section"
done
grep -q '<strong data-ref="/bench/maeg/measured" data-v="0.1527[0-9]*">15.28 %' page.html || fail "not the bench's MAEG"
if grep -qE '(src|href)="[^#]' page.html; then fail "the page refers to something"; fi
cp page.html before.html
mae 3 report soc.json -o page.html
cmp -s page.html before.html || fail "a failed report has changed the one before"
only_files soc.json page.html before.html

if [ -w /dev/full ]; then
    mae 1 report "$googlenet" -o /dev/full
    says "/dev/full"
fi

# The main job writes one, too.
mae 1 bench "$models/tiny.onnx" --report no/such/folder/page.html
says "no/such/folder"
rm -f soc.json page.html before.html
need_pe cpu/ort
mae 0 bench "$models/tiny.onnx" --budget 1 --race 1 --report page.html
for section in measured mapping network choices timeline; do
    grep -q "<section id=\"$section\"" page.html || fail "bench --report: no section $section"
done
only_files page.html
mae 2 bench "$models/tiny.onnx" --throughput --trace trace.json
says "--throughput takes no --trace"
mae 0 bench "$models/tiny.onnx" --throughput --budget 1 --race 0.5 --report frames.html
for section in throughput mapping network; do
    grep -q "<section id=\"$section\"" frames.html || fail "bench --throughput --report: no section $section"
done
grep -q ', raced, offered: ' frames.html || fail "nothing is offered"
grep -q '/bench/plan/throughput/replicas/0/loads/0/time_ms' frames.html || fail "no loads"
only_files page.html frames.html
