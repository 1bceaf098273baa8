# Disks that are full, folders that may not be written, programs that are killed as they write, and two that write the
# same file: there is the old file or the new one, whole, and nothing else; and one line says what went wrong.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
profile=$profiles/three.profile.json
long=$MAE_SOURCE_DIR/examples/profiles/xavier-agx-googlenet.json

# A disk that is full: what a program may write is bounded to less than the file, the signal for it ignored.
mae 0 plan "$long" -o whole.json
cp whole.json plan.json
status=0
(trap '' XFSZ && ulimit -f 1 && exec "$MAE_PROGRAM" plan "$long" --minimize energy --front plan.json >/dev/null 2>err) || status=$?
: >out
[ $status -eq 1 ] || fail "full disk: exit status $status"
ran="mae plan on a full disk"
says "plan.json: cannot write: File too large"
cmp whole.json plan.json || fail "the old file is not what it was"
only_files plan.json whole.json
mae 1 plan "$profile" -o /dev/full
says_beside_output "/dev/full: cannot write: No space left on device"

# A real one, where one can be mounted.
mkdir small
if unshare -m sh -c 'mount -t tmpfs -o size=4k none small' 2>/dev/null; then
    status=0
    unshare -m sh -c 'mount -t tmpfs -o size=4k none small && cd small && echo old >plan.json &&
        { "$MAE_PROGRAM" plan "$0" -o plan.json >../out 2>../err; echo $? >../status; ls -A >../left; cat plan.json >../kept; }' "$long"
    [ "$(cat status)" -eq 1 ] || fail "full file system: exit status $(cat status)"
    grep -q '^mae: plan.json: cannot write: No space left on device$' err || fail "full file system: $(cat err)"
    [ "$(cat left)" = plan.json ] || fail "full file system: left $(cat left)"
    [ "$(cat kept)" = old ] || fail "full file system: the old file is not what it was"
    rm status left kept
fi
rmdir small

# A folder that may not be written, and one that is not there. (Nothing is forbidden to root.)
mkdir locked
chmod 555 locked
if [ "$(id -u)" -ne 0 ]; then
    mae 1 plan "$profile" -o locked/plan.json
    says_beside_output "locked/plan.json: cannot write: Permission denied"
elif command -v setpriv >/dev/null 2>&1; then
    chmod 755 "$work"
    status=0
    setpriv --reuid 65534 --clear-groups "$MAE_PROGRAM" plan "$profile" -o locked/plan.json >out 2>err || status=$?
    # 126: the program itself is in a folder that only root may enter.
    [ $status -eq 1 ] || [ $status -eq 126 ] || [ $status -eq 127 ] || fail "locked folder: exit status $status"
    [ $status -ne 1 ] || grep -qE 'cannot (write|open).*Permission denied' err || fail "locked folder: $(cat err)"
fi
[ -z "$(ls -A locked)" ] || fail "something in a locked folder"
rmdir locked
mae 1 plan "$profile" -o nowhere/plan.json
says_beside_output "nowhere/plan.json: cannot write: No such file or directory"

# A plan from its first brace to its last.
whole() {
    [ "$(tail -n 1 "$1")" = "}" ] && [ "$(tr -cd '[{' <"$1" | wc -c)" -eq "$(tr -cd ']}' <"$1" | wc -c)" ]
}
whole whole.json || fail "a whole plan is not taken for one"
head -n 20 whole.json >part
if whole part; then fail "a part of a plan is taken for a whole one"; fi
rm part

# Killed as it writes: each time after a little longer.
i=0
while [ $i -lt 60 ]; do
    cp whole.json plan.json
    "$MAE_PROGRAM" plan "$profile" -o plan.json >/dev/null 2>&1 &
    program=$!
    sleep 0.0$((i / 10))$((i % 10))
    kill -KILL $program 2>/dev/null || true
    wait $program 2>/dev/null || true
    cmp -s plan.json whole.json || whole plan.json || fail "killed: neither the old file nor a new one"
    i=$((i + 1))
done
rm -f plan.json.?* # what a killed program could not take away

# Two that write one file, again and again: it is always one of theirs, whole.
writes() {
    n=0
    while [ $n -lt 20 ]; do
        "$MAE_PROGRAM" plan "$1" -o plan.json >/dev/null 2>>errors || echo failed >>errors
        n=$((n + 1))
    done
}
: >errors
writes "$long" &
one=$!
writes "$profile" &
two=$!
while kill -0 $one 2>/dev/null || kill -0 $two 2>/dev/null; do
    cp plan.json now
    whole now || fail "two writers: half a file"
done
rm now
wait
[ ! -s errors ] || fail "two writers: $(cat errors)"
only_files plan.json whole.json errors
