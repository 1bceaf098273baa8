# Everything a user can get wrong with files: one line, the right exit status, no file left behind.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort
cp "$models/tiny.onnx" "$models/two_inputs.onnx" .

# Models. Every command that reads one says the same.
head -c 300 tiny.onnx >truncated.onnx
: >empty.onnx
for command in run bench "profile -o result.json"; do
    # shellcheck disable=SC2086
    set -- $command
    mae 3 "$@" truncated.onnx
    says "truncated.onnx: byte "
    mae 3 "$@" empty.onnx
    says "empty.onnx: "
    mae 3 "$@" "$images/gradient.png"
    says "gradient.png: "
    mae 3 "$@" "$models/cycle.onnx"
    says "cycle.onnx: "
    mae 3 "$@" missing.onnx
    says "missing.onnx: "
    mae 3 "$@" .
    says ".: "
    mae 5 "$@" "$models/unknown_operator.onnx"
    says "Frobnicate"
    mae 2 "$@" "$models/dynamic.onnx"
    says "--shape image="
    mae 2 "$@" "$models/dynamic.onnx" --shape image
    says "--shape needs NAME=1,3,320,320, not 'image'"
    mae 2 "$@" "$models/dynamic.onnx" --shape image=1,3,0,16
    says "--shape needs"
    mae 2 "$@" tiny.onnx --pes cpu/ort,cpu/abacus
    says "cpu/abacus"
done
# shellcheck disable=SC2046
[ $(find . -name 'result.json*' | wc -l) -eq 0 ] || fail "a partial profile"

# Every byte at which a model can end: never a crash. (All of them under a fuzz target; here the program itself.)
size=$(wc -c <tiny.onnx)
at=1
while [ $at -lt "$size" ]; do
    head -c $at tiny.onnx >truncated.onnx
    status=0
    "$MAE_PROGRAM" run truncated.onnx >out 2>err || status=$?
    case $status in
    2 | 3 | 5) ;;
    *) fail "a model cut at byte $at: exit status $status" ;;
    esac
    at=$((at + 97))
done

# Inputs.
echo "no picture" >text.jpg
head -c 50 "$images/gradient.png" >cut.png
head -c 400 "$images/gradient.jpg" >cut.jpg
printf 'x' >letter.npy
mae 3 run tiny.onnx --input missing.npy
says "missing.npy: No such file or directory"
mae 3 run tiny.onnx --input text.jpg
says "text.jpg: not an image"
mae 3 bench tiny.onnx --input text.jpg
says "text.jpg: not an image"
mae 3 run tiny.onnx --input cut.png
says "cut.png: not a usable PNG image"
mae 3 run tiny.onnx --input cut.jpg
says "cut.jpg: not a usable JPEG image"
mae 3 run tiny.onnx --input letter.npy
says "letter.npy: not a .npy file"
mae 3 run tiny.onnx --input tiny.onnx
says "tiny.onnx: not an image (JPEG, PNG), nor .npy or .pb"
mae 3 run two_inputs.onnx --input a=random:1 --input "b=$images/gradient.png"
says "does not fit an input of f32 [1, 4]"
mae 2 run two_inputs.onnx --input a=random:1
says "input 'b' is missing"
mae 2 run two_inputs.onnx --input c=random:1 --input b=random:1
says "no input 'c', only: a, b"

# A wrong shape: the outputs of one network are not the inputs of another.
mae 0 run two_inputs.onnx --output made
mae 3 run tiny.onnx --input made/sum.npy
says "made/sum.npy: is f32 [1, 4], but input 'image' is f32 [1, 3, 16, 16]"

# Plans.
cat >other.plan.json <<'END'
{ "format": "mae-plan", "version": 1, "model": { "name": "other", "sha256": "" },
  "goal": { "minimize": "latency" },
  "segments": [ { "pe": "cpu/ort", "layers": ["conv1", "another"] } ],
  "predicted": { "latency_ms": 1, "energy_mj": null, "switches": 0 },
  "single_pe": [], "maeg": { "value": null, "baseline": null, "enables": true, "definition": "" },
  "optimal": false, "gap": 1.0 }
END
mae 3 run tiny.onnx --plan other.plan.json
says "other.plan.json: the plan is for another network"
sed 's/cpu\/ort/npu\/abacus/' other.plan.json >lost.plan.json
mae 3 run tiny.onnx --plan lost.plan.json
says "npu/abacus"
mae 3 run tiny.onnx --plan tiny.onnx
says "tiny.onnx:"
mae 3 run tiny.onnx --plan missing.plan.json
says "missing.plan.json"
head -c 100 other.plan.json >cut.plan.json
mae 3 run tiny.onnx --plan cut.plan.json
says "cut.plan.json:"

# Nowhere to write: said before long work, and nothing is left.
mae 1 profile tiny.onnx -o nowhere/profile.json
says "nowhere/profile.json: cannot write"
mae 1 bench tiny.onnx -o nowhere/plan.json
says "nowhere/plan.json: cannot write"
mae 1 run tiny.onnx --output nowhere/out
says "nowhere/out: cannot write"
mae 1 run tiny.onnx --output tiny.onnx
says "tiny.onnx: cannot write: Not a directory"
mae 1 run tiny.onnx --trace nowhere/trace.json
says "nowhere/trace.json: cannot write"
if [ -w /dev/full ]; then
    mae 1 run tiny.onnx --trace /dev/full
    says_beside_output "/dev/full: cannot write: No space left on device"
fi
mae 3 run tiny.onnx --input text.jpg --output made/deeper
says "text.jpg"
[ ! -e made/deeper ] || fail "an empty folder was left"
cmp -s tiny.onnx "$models/tiny.onnx" || fail "the model was written over"
rm -r made
only_files tiny.onnx two_inputs.onnx truncated.onnx empty.onnx text.jpg cut.png cut.jpg letter.npy other.plan.json \
    lost.plan.json cut.plan.json
