# Command lines that make no sense, and --help.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"

mae 0 --help
prints "Examples:"
for command in pes profile plan eval run stream bench; do
    prints "  $command "
done
for command in pes profile plan eval run stream bench; do
    "$MAE_PROGRAM" $command --help >help 2>err || fail "mae $command --help"
    [ ! -s err ] || fail "mae $command --help: something on standard error"
    grep -q "^Usage: mae $command" help || fail "mae $command --help: no usage"
    grep -q "^  mae $command" help || fail "mae $command --help: no example"
    [ "$(awk 'length > 120' help | wc -l)" -eq 0 ] || fail "mae $command --help: a line is too long"
    # Every option that help lists is known, and what takes a value says so.
    grep -o -- '--[a-z-]* [A-Z[]' help | cut -d' ' -f1 | sort -u | while read -r option; do
        mae 2 $command "$option"
        says "$option needs a value"
    done
    mae 2 $command --no-such-option
    says "unknown option '--no-such-option'; see \"mae $command --help\""
done
rm help

mae 0 --version
grep -Eq '^mae [0-9]+\.[0-9]+\.[0-9]+$' out || fail "mae --version"
mae 2
says 'no command given; see "mae --help"'
mae 2 fly
says "unknown command 'fly'"
mae 2 --fly
says "unknown option '--fly'"

for command in profile plan eval run bench; do
    mae 2 $command
    says 'is missing; see "mae'
    mae 2 $command one two
    says "unexpected argument 'two'"
done
mae 2 profile "$models/tiny.onnx"
says "-o PROFILE is missing"
mae 2 eval x.json
says "--mapping is missing"
mae 2 plan x.json --minimize speed
says "speed"
mae 2 plan x.json --minimize weighted:2
says "weighted"
mae 2 plan x.json --max-power-w 3
says "--max-power-w needs --period-ms"
mae 2 plan x.json --max-power-w 0
says "--max-power-w needs --period-ms"
mae 2 plan x.json --max-latency-ms -1
says "--max-latency-ms needs a number of at least 0"
mae 2 plan x.json --period-ms 0
says "--period-ms needs a number above 0"
mae 2 plan x.json --front-epsilon 0.1
says "--front-epsilon needs --front"
mae 2 run "$models/tiny.onnx" --frames 0
says "--frames needs a whole number of at least 1"
mae 2 run "$models/tiny.onnx" --threads many
says "--threads needs a whole number"
mae 2 pes --pes cpu/abacus
says "cpu/abacus"

if [ -w /dev/full ]; then
    status=0
    "$MAE_PROGRAM" --help >/dev/full 2>err || status=$?
    [ $status -eq 1 ] || fail "a full disk goes unnoticed"
fi
only_files
