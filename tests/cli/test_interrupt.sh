# Ctrl-C while a network is profiled: one line, and no file.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort

# Shells start background jobs with SIGINT ignored; a program that installs a handler hears it all the same.
"$MAE_PROGRAM" profile "$models/tiny.onnx" --budget 60 -o profile.json >out 2>err &
program=$!
tries=0
# Its first line of progress says that it is at work.
until [ -s err ] || [ $tries -eq 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -INT $program
status=0
wait $program || status=$?
ran="mae profile, interrupted"
[ $status -eq 1 ] || fail "exit status $status"
tail -n 1 err | grep -q '^mae: interrupted; nothing was written$' || fail "it does not say that it was interrupted"
only_files
