# The manual page and the program know the same commands and options.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
sed 's/\\-/-/g; s/\\f[A-Z]//g' "$MAE_SOURCE_DIR/docs/man/mae.1" >page
sed -n '/^\.SH EXAMPLES/,$p' page >examples

: >options
for command in pes profile plan eval run stream bench; do
    grep -q "^\.B mae $command" page || fail "the manual page lacks mae $command"
    grep -q "^mae $command " examples || fail "the manual page has no example of mae $command"
    "$MAE_PROGRAM" $command --help | grep -oE '^  (-[a-z], |    )--[a-z-]+' | grep -oE -- '--[a-z-]+' >>options
done
printf -- '--help\n--version\n' >>options
sort -u options >known
grep -oE -- '--[a-z]+(-[a-z]+)*' page | sort -u >documented
diff known documented >err || fail "options of the program (<) and of its manual page (>) differ"
