# No file is written but those asked for: not beside the model, not at home, not among the temporary files.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
unset ORT_DISABLE_TELEMETRY
home=$work/home temporary=$work/temporary here=$work/here
mkdir "$home" "$temporary" "$here"
cp "$models/tiny.onnx" "$profiles/three.profile.json" "$here/"
export HOME="$home" XDG_CACHE_HOME="$home/cache" TMPDIR="$temporary"
cd "$here"

# leaves FILE...: these are new since the last call, and no others anywhere; they are taken away.
leaves() {
    find "$home" "$temporary" "$here" -type f ! -name tiny.onnx ! -name three.profile.json ! -name out ! -name err |
        sed "s,^$here/,," | sort >"$work/found"
    for file in "$@"; do echo "$file"; done | sort >"$work/asked"
    diff "$work/asked" "$work/found" >"$work/differences" ||
        fail "$ran: asked for (<) and written (>): $(cat "$work/differences")"
    rm -f "$@"
}

mae 0 pes
leaves
mae 0 plan three.profile.json
leaves
mae 0 plan three.profile.json -o three.plan.json
leaves three.plan.json
mae 0 plan three.profile.json --front front.json
leaves front.json
mae 0 pes --write board.json
leaves board.json
mae 0 eval three.profile.json --mapping 'gpu*3'
leaves
mae 0 stream --scenario "$MAE_SOURCE_DIR/examples/quadcopter/scenario.json"
leaves

"$MAE_PROGRAM" pes | grep -q '^cpu/ort ' || exit 0
mae 0 run tiny.onnx
leaves
mae 0 run tiny.onnx --trace trace.json
leaves trace.json
mae 0 run tiny.onnx --output made
leaves made/score.npy
rmdir made
mae 0 profile tiny.onnx -o tiny.profile.json --budget 1
cp tiny.profile.json "$work/kept.json"
leaves tiny.profile.json
mae 0 bench tiny.onnx --budget 1 --race 1
leaves
mae 0 bench tiny.onnx --profile "$work/kept.json" --race 1 -o tiny.plan.json --trace trace.json
leaves tiny.plan.json trace.json
mae 0 stream tiny.onnx --profile "$work/kept.json" --frames 20 --socket ctl
leaves
[ ! -e ctl ] || fail "$ran: the socket is still there"
