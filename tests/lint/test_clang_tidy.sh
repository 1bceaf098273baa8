# clang-tidy finds nothing in the sources that the last commit and the working tree have changed. All of them take minutes:
# `make lint`. What two minutes do not reach is named.
set -eu
command -v clang-tidy >/dev/null || { echo "skipped: no clang-tidy"; exit 77; }
cd "$MAE_SOURCE_DIR"
changed=$({
    git diff --name-only HEAD~1 HEAD -- 'src/*.c' && git diff --name-only HEAD -- 'src/*.c'
} 2>/dev/null) || { echo "skipped: no history to tell what has changed"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
end=$(($(date +%s) + 120))
status=0
for file in $(printf '%s\n' "$changed" | sort -u); do
    [ -f "$file" ] && grep -q "/$file\"" "$MAE_BUILD_DIR/compile_commands.json" || continue # gone, or not built here
    if [ "$(date +%s)" -ge $end ]; then
        echo "not reached in time: $file"
        continue
    fi
    tools/lint.sh "$MAE_BUILD_DIR" tidy "$file" >"$work/found" || { cat "$work/found" >&2; status=1; }
    echo "looked at $file"
done
[ $status -eq 0 ] || { echo "FAILED: clang-tidy (see above)" >&2; exit 1; }

# It would find something: .clang-tidy is read.
cp .clang-tidy "$work/"
printf 'int f(int a);\nint f(int a)\n{\n    if (a)\n        return 1;\n    else if (a)\n        return 1;\n    return 0;\n}\n' >"$work/fault.c"
if clang-tidy --quiet "$work/fault.c" -- >/dev/null 2>&1; then
    echo "FAILED: clang-tidy finds nothing where there is something" >&2
    exit 1
fi
