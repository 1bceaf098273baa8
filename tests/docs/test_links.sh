# What documents refer to exists: links to other files, and paths of the source tree in the text.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
cd "$MAE_SOURCE_DIR"
missing=$work/missing
: >"$missing"
for page in *.md docs/*.md docs/*/*.md; do
    # [text](path) and ![text](path), without the address of a place on the page.
    grep -oE '\]\([^)#][^)]*\)' "$page" | sed 's/^](//; s/)$//; s/#.*//' | grep -v '://' | while read -r path; do
        [ -e "$(dirname "$page")/$path" ] || echo "$page: $path"
    done >>"$missing"
    # `src/...`, `tests/...` and the like; patterns and names to be put in are left out.
    grep -oE '`(src|tests|tools|bench|examples|include|schemas|debian|cmake)/[^` ]*`' "$page" | tr -d '`' | sed 's/:.*//' |
        grep -v '[*{<]\|NAME\|\.\.\.\|TARGET\|FILE' | while read -r path; do
        [ -e "$path" ] || echo "$page: $path"
    done >>"$missing"
done
[ ! -s "$missing" ] || { cat "$missing" >&2; cd "$work"; fail "documents name files that there are not"; }
[ "$(grep -oE '\]\([^)#][^)]*\)' README.md | wc -l)" -ge 10 ] || fail "hardly any link was found"
