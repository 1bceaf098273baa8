# The manual and the program know the same commands and options; the pages are well-formed; the library's example is a
# program that runs.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
man=$MAE_SOURCE_DIR/docs/man

# plain PAGE: as a reader sees the text, without fonts.
plain() { sed 's/\\-/-/g; s/\\f[A-Z]//g; s/\\e/\\/g' "$1"; }
options_in() { grep -oE -- '--[a-z]+(-[a-z]+)*' | sort -u; }
same() { # PAGE: the options in the files known and documented
    diff known documented >err || fail "options of the program (<) and of $1 (>) differ: $(cat err)"
}

plain "$man/mae.1" >page
sed -n '/^\.SH EXAMPLES/,$p' page >examples
commands=$("$MAE_PROGRAM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ -n "$commands" ] || fail "mae --help lists no commands"

: >all
for command in $commands; do
    grep -q "^\.B mae $command" page || fail "the manual page lacks mae $command"
    grep -q "^mae $command " examples || fail "the manual page has no example of mae $command"
    grep -q "^\.BR mae-$command (1)" examples || fail "mae.1 does not refer to mae-$command.1"
    "$MAE_PROGRAM" "$command" --help >help
    grep -oE '^  (-[a-z], |    )--[a-z-]+' help | options_in >known
    cat known >>all

    [ -f "$man/mae-$command.1" ] || fail "no page mae-$command.1"
    plain "$man/mae-$command.1" >own
    sed -n '/^\.SH OPTIONS/,/^\.SH EXIT/p' own | awk 'tag { print } { tag = /^\.T[PQ]/ }' | options_in >documented
    same "mae-$command.1"
    # The page's examples are those of --help.
    sed -n '/^Examples:/,$s/^  //p' help | sort >known
    sed -n '/^\.SH EXAMPLES/,/^\.fi/p' own | grep -v '^\.' | sort >documented
    diff known documented >err || fail "examples of mae $command --help (<) and of mae-$command.1 (>) differ"
done
{
    cat all
    printf -- '--help\n--version\n'
} | sort -u >known
options_in <page >documented
same mae.1

# The library: every function that its page names is in the headers, and every kind of error in the page.
plain "$man/libmae.3" >page
grep -oE '^\.BR mae_[a-z_]+ \(\)' page | cut -d' ' -f2 | sort -u >named
while read -r name; do
    grep -q "\b$name(" "$MAE_SOURCE_DIR"/include/mae/*.h || fail "libmae.3 names $name(), which there is not"
done <named
[ "$(wc -l <named)" -ge 10 ] || fail "libmae.3 names hardly any function"
grep -oE '\bMAE_ERR_[A-Z]+' "$MAE_SOURCE_DIR/include/mae/error.h" | sort -u >known
grep -oE '^\.B MAE_ERR_[A-Z]+' page | cut -d' ' -f2 | sort -u >documented
diff known documented >err || fail "error codes of error.h (<) and of libmae.3 (>) differ"

# Its example compiles without a warning, and runs.
sed -n '/^\.SH EXAMPLE$/,/^\.fi/p' "$man/libmae.3" | sed '/^\./d; s/\\e/\\/g; s/\\-/-/g' >example.c
grep -q 'int main' example.c || fail "libmae.3 has no example"
library=$(find "$MAE_BUILD_DIR" -maxdepth 1 -name 'libmae.so*' | head -n 1)
if grep -q '^MAE_SANITIZE:STRING=.' "$MAE_BUILD_DIR/CMakeCache.txt"; then
    $MAE_CC -std=c11 -Wall -Wextra -Werror -I"$MAE_SOURCE_DIR/include" -fsyntax-only example.c 2>err || fail "the example: $(cat err)"
    echo "a build with sanitizers: the example is compiled, and not run"
else
    $MAE_CC -std=c11 -Wall -Wextra -Werror -I"$MAE_SOURCE_DIR/include" -o example example.c "$library" \
        -Wl,-rpath,"$MAE_BUILD_DIR" 2>err || fail "the example: $(cat err)"
    if "$MAE_PROGRAM" pes --json 2>/dev/null | tr -d ' \n' | grep -q '"name":"cpu/ort"'; then
        built ./example "$models/tiny.onnx" >out 2>err || fail "the example: $(cat err)"
        grep -q '^one frame: .* ms, [0-9]* segments, the first on cpu/' out || fail "the example prints something else"
        if built ./example missing.onnx >out 2>err; then fail "the example does not notice a missing file"; fi
        grep -q 'missing\.onnx' err || fail "no message"
    fi
fi

# Well-formed: groff has no warning, mandoc neither (styles of writing aside).
checked=
for page in "$man"/*.[1-9]; do
    if command -v groff >/dev/null; then
        groff -man -Tascii -ww "$page" >out 2>err || fail "groff: $page"
        [ ! -s err ] || fail "groff warns of $page: $(cat err)"
        checked="groff $checked"
    fi
    if command -v mandoc >/dev/null; then
        mandoc -T lint -W warning "$page" >out 2>err || fail "mandoc warns of $page: $(cat out)"
        checked="mandoc $checked"
    fi
done
[ -n "$checked" ] || echo "neither groff nor mandoc is here: the pages' form was not looked at"
