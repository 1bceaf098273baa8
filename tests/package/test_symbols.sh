# The library's interface is the list in debian/libmae0.symbols, no more and no less; a backend shows its entry alone.
set -eu
. "$MAE_SOURCE_DIR/tests/package/lib.sh"
need_plain_build

sed -n 's/^ \([^ ]*\)@Base .*/\1/p' "$MAE_SOURCE_DIR/debian/libmae0.symbols" | sort >listed
nm -D --defined-only "$MAE_BUILD_DIR/libmae.so" | awk '{ print $3 }' | sort >exported
[ -s exported ] || fail "libmae.so exports nothing"
diff listed exported >differences ||
    fail "debian/libmae0.symbols (<) is not what libmae.so exports (>); a new function is a new line:
$(cat differences)"

for module in "$MAE_BUILD_DIR"/backends/mae-*.so; do
    shown=$(nm -D --defined-only "$module" | awk '{ print $3 }')
    [ "$shown" = mae_backend_entry ] || fail "$module shows:" $shown
done

# Each is declared in a public header.
while read -r symbol; do
    grep -qE "\b$symbol\(" "$MAE_SOURCE_DIR"/include/mae/*.h || fail "$symbol is in no public header"
done <exported
