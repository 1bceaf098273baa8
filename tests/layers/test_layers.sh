#!/bin/sh
# Every #include "folder/..." under src/ must be allowed by the layer table of HACKING.md.
set -eu
cd "$MAE_SOURCE_DIR"

table=$(awk -F'|' '/^\| folder \|/ { on = 1; next } on && !/^\|/ { exit }
    on && !/---/ { gsub(/ /, "", $2); gsub(/[ ]/, "", $3); gsub(/,/, " ", $3); print $2 ":" $3 }' HACKING.md)
[ -n "$table" ] || { echo "no layer table in HACKING.md"; exit 1; }

# The folder of a file below src: "backends/ort", "core", "".
folder_of() {
    case $1 in
    backends/*/* | meters/*/*) echo "$1" | cut -d/ -f1-2 ;;
    */*) echo "${1%%/*}" ;;
    *) echo "" ;;
    esac
}

check() { # root of the sources
    bad=0
    n=0
    for file in $(cd "$1" && find . -name '*.[ch]' | sed 's|^\./||' | sort); do
        from=$(folder_of "$file")
        [ -n "$from" ] || continue
        row=$(echo "$table" | grep "^$from:" || true)
        [ -n "$row" ] || { echo "src/$file: folder '$from' is not in the layer table"; bad=1; continue; }
        for include in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$1/$file"); do
            to=$(folder_of "$include")
            n=$((n + 1))
            [ -n "$to" ] && [ "$to" != mae ] && [ "$to" != "$from" ] || continue
            case " ${row#*:} " in
            *" $to "*) ;;
            *) echo "src/$file: includes \"$include\": $from may not include $to"; bad=1 ;;
            esac
        done
    done
    [ "$n" -gt 0 ] || { echo "no includes found under $1"; bad=1; }
    return $bad
}

check src

# The check itself must be able to fail.
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
mkdir -p "$probe/plan"
echo '#include "pe/module.h"' >"$probe/plan/bad.c"
if (check "$probe") >/dev/null; then
    echo "a forbidden include went unnoticed"
    exit 1
fi
