# Shared by the program's tests: sourced, with $MAE_PROGRAM and $MAE_SOURCE_DIR set.
export LC_ALL=C
unset NO_COLOR
models=$MAE_SOURCE_DIR/tests/data/models
images=$MAE_SOURCE_DIR/tests/data/images
profiles=$MAE_SOURCE_DIR/tests/data/profiles
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "FAILED: $*" >&2
    [ -f out ] && { echo "-- standard output:"; cat out; echo "-- standard error:"; cat err; } >&2
    exit 1
}

# built PROGRAM ARGUMENT...: runs a program of this build, under the emulator where it is of another architecture.
# ($MAE_PROGRAM runs itself.)
built() {
    ${MAE_EMULATE:+"$MAE_EMULATE"} "$@"
}

# mae STATUS ARGUMENT...: runs the program, wants this exit status; its output is in the files out and err.
mae() {
    wanted=$1
    shift
    status=0
    "$MAE_PROGRAM" "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$wanted" ] || fail "mae $*: exit status $status, not $wanted"
    ran="mae $*"
}

# One line on standard error that holds these words, and nothing on standard output.
says() {
    [ ! -s out ] || fail "$ran: something on standard output"
    says_beside_output "$1"
}

says_beside_output() {
    [ "$(wc -l <err)" -eq 1 ] || fail "$ran: not one line on standard error"
    grep -q '^mae: ' err || fail "$ran: the line does not begin with mae:"
    grep -qF -- "$1" err || fail "$ran: the message lacks: $1"
}

# Standard output holds these words.
prints() {
    grep -qF -- "$1" out || fail "$ran: the output lacks: $1"
}

# The JSON on standard output (or in a file), spaces and lines taken away.
flat() {
    tr -d ' \n' <"${1:-out}"
}

json_has() {
    flat | grep -qF -- "$1" || fail "$ran: the JSON lacks: $1"
}

# value KEY [FILE]: the first number of that key.
value() {
    flat "${2:-out}" | grep -o "\"$1\":[-+0-9.eE]*" | head -n 1 | cut -d: -f2
}

# close A B: the same to 1 in 1e9.
close() {
    awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; m = a < 0 ? -a : a; exit !(d <= 1e-9 * m) }' ||
        fail "$ran: $1 is not $2"
}

# No file besides the output of the last command and those named.
only_files() {
    for file in * .[!.]*; do
        [ -e "$file" ] || continue
        case " out err $* " in
        *" $file "*) ;;
        *) fail "$ran: left a file: $file" ;;
        esac
    done
}

# Engines are needed from here on.
need_pe() {
    "$MAE_PROGRAM" pes --json >pes.json 2>pes.err || fail "mae pes: $(cat pes.err)"
    for pe in "$@"; do
        if ! flat pes.json | grep -q "\"name\":\"$pe\""; then
            echo "skipped: no $pe here"
            exit 77
        fi
    done
    rm pes.json pes.err
}

# interrupts ARGUMENT...: runs the program, and presses Ctrl-C as soon as its first line of progress says that it is at
# work. It has to stop, say so, and write nothing. (A shell starts background jobs with SIGINT ignored; a program that
# installs a handler hears it all the same.)
interrupts() {
    interrupts_at . "$@"
}

# interrupts_at WHAT ARGUMENT...: the same, as soon as its progress says WHAT.
interrupts_at() {
    rm -f err
    at=$1
    shift
    "$MAE_PROGRAM" "$@" >out 2>err &
    program=$!
    tries=0
    until grep -q "$at" err 2>/dev/null || [ $tries -eq 900 ] || ! kill -0 $program 2>/dev/null; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -INT $program 2>/dev/null || fail "it has ended before"
    status=0
    wait $program || status=$?
    ran="mae $*, interrupted"
    [ $status -eq 1 ] || fail "exit status $status"
    tail -n 1 err | grep -q '^mae: interrupted; nothing was written$' || fail "it does not say that it was interrupted"
}
