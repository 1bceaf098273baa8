# Every command that the documents show is run, with small networks in the place of the reader's and little time. What
# cannot be run here says why, in a comment that readers do not see (commands.awk), and is listed as such.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort cpu/onednn
here=$MAE_SOURCE_DIR/tests/docs
. "$here/stand_ins.sh"

run_page() { # FILE
    page=${1#"$MAE_SOURCE_DIR"/}
    awk -f "$here/commands.awk" "$1" >list || fail "$page"
    [ -s list ] || return 0
    fresh_folder
    run_list "$page" <list
}

# Under an emulator (MAE_FEW) the README's alone.
set -- "$MAE_SOURCE_DIR"/README.md
[ "${MAE_FEW:-}" ] || set -- "$@" "$MAE_SOURCE_DIR"/HACKING.md "$MAE_SOURCE_DIR"/docs/*.md "$MAE_SOURCE_DIR"/docs/[!d]*/*.md \
    "$MAE_SOURCE_DIR"/examples/*/*.md
for file; do
    [ ! -f "$file" ] || run_page "$file"
done
echo "$n_run commands run, $n_skipped not:"
cat skipped
[ "$n_run" -ge "$([ "${MAE_FEW:-}" ] && echo 10 || echo 20)" ] || fail "hardly any command was found: $n_run"

# Commands within the text: there is such a target.
sed -n 's/^\([a-z0-9-]*\):.*/\1/p' "$MAE_SOURCE_DIR/Makefile" | sort -u >targets
grep -ohE '`make [a-z][a-z0-9-]*' "$MAE_SOURCE_DIR"/*.md "$MAE_SOURCE_DIR"/docs/*.md "$MAE_SOURCE_DIR"/docs/*/*.md |
    cut -d' ' -f2 | sort -u | comm -23 - targets >unknown
[ ! -s unknown ] || fail "documents name targets that the Makefile has not: $(cat unknown)"
