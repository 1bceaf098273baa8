# cppcheck finds nothing in src.
set -eu
command -v cppcheck >/dev/null || { echo "skipped: no cppcheck"; exit 77; }
"$MAE_SOURCE_DIR/tools/lint.sh" "$MAE_BUILD_DIR" cppcheck

# ... and would find something.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'int f(void);\nint f(void)\n{\n    int a[2] = {0, 0};\n    return a[2];\n}\n' >"$work/fault.c"
if cppcheck --quiet --error-exitcode=1 "$work/fault.c" 2>/dev/null; then
    echo "FAILED: cppcheck finds nothing where there is something" >&2
    exit 1
fi
