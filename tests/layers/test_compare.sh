# tools/compare-tests.sh: what passed here and not there needs a reason; what failed there has none.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir here there

fail() {
    echo "FAILED: $*" >&2
    cat out >&2
    exit 1
}

# compares STATUS TEXT...: with this exit status, and these words.
compares() {
    status=0
    sh "$MAE_SOURCE_DIR/tools/compare-tests.sh" here there reasons >out 2>&1 || status=$?
    [ $status -eq "$1" ] || fail "exit status $status, not $1"
    shift
    for text in "$@"; do
        grep -qF -- "$text" out || fail "the output lacks: $text"
    done
}

# log FILE: what ctest writes of four programs of these outputs: $a, $b, one without cases, one that is skipped.
log() {
    cat >"$1" <<EOF
<?xml version="1.0" encoding="UTF-8"?>
	<testcase name="unit/test_a" classname="unit/test_a" time="0.1" status="run">
		<system-out>[==========] Running 3 test(s).
$a
</system-out>
	</testcase>
	<testcase name="conformance/test_b" classname="conformance/test_b" time="0.1" status="run">
		$verdict<system-out>[ RUN      ] table
$b
[       OK ] table
</system-out>
	</testcase>
	<testcase name="cli/test_c" classname="cli/test_c" time="0.1" status="run">
		<system-out></system-out>
	</testcase>
	<testcase name="cli/test_d" classname="cli/test_d" time="0.1" status="notrun">
		<skipped message="SKIP_RETURN_CODE=77"/>
		<system-out>skipped: not here</system-out>
	</testcase>
EOF
}
row() { echo "[ RUN      ] $2
[$1] $2"; }
counts() { echo "table on $1: $2 passed, ${3:-0} failed, 1 skipped, 2 not supported"; }

verdict=
a=$(row "       OK " one; row "       OK " two; row "  SKIPPED " three)
b=$(counts cpu/x 9; counts gpu/y 8)
log here/tests.xml
log there/tests.xml
echo "# nothing" >reasons
compares 0 "unit                  2        1        0          2        1        0" "2 the same, 0 not"

# A case and a PE that are not there.
a=$(row "       OK " one; row "  SKIPPED " two; row "  SKIPPED " three; echo "[  SKIPPED ] 2 test(s), listed below:"; echo "[  SKIPPED ] two")
b=$(counts cpu/x 9)
log there/tests.xml
compares 1 "unit/test_a:two (skipped): WITHOUT A REASON" "conformance/test_b: table on gpu/y: 8 passed" "1 the same, 1 not"
printf 'unit/test_a:two | it is slow\ngpu/y | no such device\n' >reasons
compares 0 "unit/test_a:two (skipped): it is slow" "there none: no such device"
printf 'unit/test_a | all is slow\ngpu/y | no such device\n' >reasons
compares 0 "unit/test_a:two (skipped): all is slow"

# More that passes needs no reason, less one of its own; what fails makes up for nothing.
b=$(counts cpu/x 10; counts gpu/y 7)
log there/tests.xml
printf 'unit/test_a | all is slow\n' >reasons
compares 1 "cpu/x: 9 passed, 0 failed, 1 skipped, 2 not supported; there 10 passed, 0 failed, 1 skipped, 2 not supported: nothing is lost" \
    "there 7 passed, 0 failed, 1 skipped, 2 not supported: WITHOUT A REASON"
printf 'unit/test_a | all is slow\nconformance/test_b: table on gpu/y | one is wrong\n' >reasons
compares 0 "there 7 passed, 0 failed, 1 skipped, 2 not supported: one is wrong"
b=$(counts cpu/x 10 1; counts gpu/y 8)
log there/tests.xml
compares 1 "there 10 passed, 1 failed, 1 skipped, 2 not supported: WITHOUT A REASON"
printf 'unit/test_a | all is slow\ngpu/y | no such device\n' >reasons
b=$(counts cpu/x 9)

# What fails, crashes, or is not run.
a=$(row "       OK " one; row "  FAILED  " two; row "  SKIPPED " three)
log there/tests.xml
compares 1 "FAILED in there: unit/test_a:two"
a=$(row "       OK " one; row "       OK " two; row "  SKIPPED " three)
verdict='<failure message=""/>
		'
log there/tests.xml
compares 1 "FAILED in there: conformance/test_b"
verdict=
log there/tests.xml
grep -v 'cli/test_c' there/tests.xml >part
mv part there/tests.xml
compares 1 "cli/test_c (not run): WITHOUT A REASON"
rm there/tests.xml
compares 1 "there/tests.xml is not there"
