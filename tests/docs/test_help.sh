# Every example of --help, and so of the commands' manual pages (tests/cli/test_man.sh), and those of mae.1 are run.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort cpu/onednn
. "$MAE_SOURCE_DIR/tests/docs/stand_ins.sh"
each_alone=1 # examples are alternatives, not steps

# numbered: lines of standard input as lines of commands.awk, those that end in a backslash joined.
numbered() {
    awk '{ held = held $0 } /\\$/ { sub(/\\$/, "", held); next } { printf "%d\037\037%s\n", ++n, held; held = "" }'
}

for command in $("$MAE_PROGRAM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    "$MAE_PROGRAM" "$command" --help | sed -n '/^Examples:/,$s/^  //p' | numbered >list
    [ -s list ] || fail "mae $command --help has no example"
    run_list "mae $command --help" <list
done
sed -n '/^\.SH EXAMPLES/,/^\.fi/p' "$MAE_SOURCE_DIR/docs/man/mae.1" | sed '/^\./d; s/\\-/-/g' | numbered >list
run_list mae.1 <list
[ ! -s skipped ] || { cat skipped; fail "examples were left out"; }
echo "$n_run examples run"
