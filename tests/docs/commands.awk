# The commands that a Markdown page, a manual page or a help text shows: LINE, REASON and COMMAND, parted by the ASCII unit separator, with an empty
# REASON for those that are to be run. A reason is given before the block, where readers do not see it:
#   <!-- not run: REASON -->            the whole block that follows
#   <!-- not run (PREFIX): REASON -->   its commands that begin with PREFIX; several such comments are possible
# Fenced blocks marked sh, and indented blocks that begin with the name of a command, are commands. A backslash at its
# end continues a line; lines that begin with # are comments.
function is_command(text) {
    return text ~ /^(mae|make|cmake|ctest|cc|gcc|clang|sh|sudo|apt|apt-get|git|cd|cp|mkdir|export|npm|node|python3|pkg-config|curl|tools\/|build\/|\.\/)/ && text ~ /^[a-z.]+[^ ]*( |$)/
}
function forget() { whole = ""; n_some = 0 }
function take(line, text,    reason, i) {
    if (text ~ /^[ \t]*(#|$)/)
        return
    reason = whole
    for (i = 1; i <= n_some && !reason; i++)
        if (index(text, prefix[i]) == 1) {
            reason = why[i]
            used[i] = 1
        }
    printf "%d\037%s\037%s\n", line, reason, text
}
function feed(text) {
    sub(/^    /, "", text)
    if (held == "")
        first = NR
    if (text ~ /\\$/) {
        sub(/\\$/, "", text)
        held = held text
        return
    }
    take(first, held text)
    held = ""
}
/^<!-- not run/ {
    reason = $0
    sub(/^<!-- not run[^:]*: */, "", reason)
    sub(/ *-->$/, "", reason)
    if (reason == "") {
        print FILENAME ":" NR ": a reason is missing" > "/dev/stderr"
        exit 1
    }
    if ($0 ~ /^<!-- not run \(/) {
        n_some++
        why[n_some] = reason
        prefix[n_some] = $0
        sub(/^<!-- not run \(/, "", prefix[n_some])
        sub(/\):.*/, "", prefix[n_some])
    } else
        whole = reason
    next
}
/^```/ {
    if (fence) {
        fence = shell = 0
        forget()
    } else {
        fence = 1
        shell = $0 ~ /^```(sh|bash|shell|console)$/
        first_of_fence = 1
    }
    next
}
fence && shell { feed($0); next }
fence {
    # A block of another kind that begins like a command is one that somebody forgot to mark.
    if (first_of_fence && $0 ~ /^(build\/)?mae [a-z]+ /) {
        print FILENAME ":" NR ": a command in a block that is not marked sh" > "/dev/stderr"
        exit 1
    }
    first_of_fence = 0
    next
}
/^    / && !indented && blank {
    indented = 1
    shown = is_command(substr($0, 5))
}
indented && /^    / { if (shown) feed($0); blank = 0; next }
indented { indented = shown = 0; forget() }
{ blank = $0 ~ /^[ \t]*$/ }
