# mae stream: scripts on the virtual SoC, and frames on the engines that are here.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
scenario=$MAE_SOURCE_DIR/examples/quadcopter/scenario.json

# ---- scripts ----

# Two seconds: the first PE is lost for one of them.
cp "$MAE_SOURCE_DIR/examples/profiles/xavier-agx-googlenet.json" board.json
cat >rules.txt <<'END'
hurry, for at least 100 ms: least latency
otherwise: least energy under the deadline
END
cat >short.json <<'END'
{ "format": "mae-scenario-script", "version": 1, "name": "short", "profile": "board.json", "rules": "rules.txt",
  "noise": 0.01, "seed": 3,
  "phases": [ { "duration_s": 1, "frames_per_second": 100, "deadline_ms": 5 },
              { "duration_s": 1, "frames_per_second": 100, "deadline_ms": 5, "events": ["hurry"] } ],
  "faults": [ { "at_s": 1.2, "pe": "gpu", "fault": "lose" }, { "at_s": 1.6, "pe": "gpu", "fault": "return" } ] }
END
mae 0 stream --scenario short.json
prints "policy"
prints "short: 2 s on a virtual jetson-agx-xavier, googlenet, 200 frames"
only_files board.json rules.txt short.json
mae 0 stream --scenario short.json --json
json_has '"format":"mae-scenario","version":1'
json_has '"name":"policy","frames":200,"deadline_misses":0,"lost":0,"wrong":0'
mae 0 stream --scenario short.json --compare --json --trace trace.json
json_has '"name":"gpuonly","frames":200,"deadline_misses":40,"lost":40,"wrong":0'
json_has '"name":"dlaonly","frames":200'
json_has '"name":"front1"'
json_has '"name":"clairvoyant","frames":200,"deadline_misses":0,"lost":0,"wrong":0'
[ "$(flat | grep -o '"wrong":0,' | wc -l)" -eq "$(flat | grep -o '"wrong":' | wc -l)" ] || fail "wrong outputs"
grep -q '"traceEvents"' trace.json || fail "no trace"
grep -q '"begun again"' trace.json || fail "the trace does not show the lost PE"
rm trace.json
mae 0 stream --scenario short.json --compare
prints "clairvoyant"
# The same script, the same result, to the last digit.
mae 0 stream --scenario short.json --compare --json
flat >first
mae 0 stream --scenario short.json --compare --json
flat | cmp -s - first || fail "$ran: another result the second time"
rm first
# Also with a call that hangs, whose thread is left behind.
sed 's/"fault": "lose"/"fault": "stall", "stall_ms": 400/' short.json >hung.json
mae 0 stream --scenario hung.json --json
json_has '"lost":0,"wrong":0'
json_has '"hung":1'
flat >first
for again in 1 2 3; do
    mae 0 stream --scenario hung.json --json
    flat | cmp -s - first || fail "$ran: another result, time $again"
done
rm first hung.json
# Other rules: the quick mapping throughout.
echo 'otherwise: least latency' >quick.txt
mae 0 stream --scenario short.json --rules quick.txt --json
json_has '"deadline_misses":0,"lost":0'
rm quick.txt

# ---- mistakes ----

mae 2 stream
says "MODEL is missing"
mae 2 stream model.onnx
says "--profile is missing"
mae 2 stream model.onnx --scenario short.json
says "a script has no MODEL: 'model.onnx'"
mae 2 stream model.onnx --profile board.json --compare
says "--compare needs --scenario"
mae 2 stream --scenario short.json --rate 30
says "--scenario has its own"
mae 3 stream --scenario absent.json
says "absent.json"
sed 's/"gpu", "fault": "lose"/"npu", "fault": "lose"/' short.json >bad.json
mae 3 stream --scenario bad.json
says 'the profile has no PE "npu"'
echo 'otherwise: least noise' >bad.txt
mae 3 stream --scenario short.json --rules bad.txt
says "bad.txt:1:"
rm bad.json bad.txt
mae 3 stream "$models/tiny.onnx" --profile rules.txt
only_files board.json rules.txt short.json

# ---- engines ----

need_pe cpu/ort
cat >soc.json <<'END'
{ "format": "mae-soc", "version": 1, "name": "desk", "static_w": 1,
  "pes": [ { "name": "a", "backend": "ort", "resource": "cpu", "threads": 1, "watts": 5 },
           { "name": "b", "backend": "ort", "resource": "cpu", "threads": 1, "watts": 2 } ] }
END
mae 0 profile "$models/tiny.onnx" --soc soc.json --budget 1 -o tiny.json
mae 0 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 50
prints "50 frames in"
mae 0 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 100 --rate 200 --deadline-ms 50 --json \
    --minimize energy --trace trace.json
json_has '"format":"mae-stream","version":1,"frames":100'
json_has '"losses":0'
json_has '"segments":[{"pe":"'
grep -q '"name":"b"' trace.json || fail "the trace does not show the PE that needs least energy"
mae 2 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 1 --rules rules.txt --minimize energy
says "either --rules or a goal"
mae 3 stream "$models/tiny.onnx" --soc soc.json --profile board.json --frames 1
says "the profile is of another network"
# Frames from the files of a folder, in the order of their names, again and again.
mkdir -p frames/old
cp "$images/gradient.png" frames/2.png
cp "$images/gradient.png" frames/1.png
mae 0 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 5 --input frames
prints "5 frames in"
input=$("$MAE_PROGRAM" profile "$models/tiny.onnx" --soc soc.json --budget 1 -o again.json >out 2>&1 && flat again.json |
    grep -o '"inputs":\["[^"]*"' | head -n 1 | cut -d'"' -f4)
mae 0 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 5 --input "$input=frames"
mkdir empty
mae 3 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 5 --input empty
says "empty: there are no files in this folder"
mae 2 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 5 --input empty --input frames
says "two inputs are folders: empty and frames"
echo nothing >frames/3.txt
mae 3 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 5 --input frames
says "frames/3.txt: not an image"
# A rule that looks at an output.
printf 'output nowhere above 1: least latency\notherwise: least energy\n' >see.txt
mae 3 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 5 --rules see.txt
says 'rule of line 1: the network has no output "nowhere", only: '
printf 'output 0 above -1e9: least energy\notherwise: least latency\n' >see.txt
mae 0 stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --frames 20 --rules see.txt --trace seen.json
grep -q '"of":"rule of line 1"' seen.json || fail "the output is not seen"
mae 3 stream --scenario short.json --rules see.txt
says 'see.txt:1:1: "output": in a script outputs mean nothing'

# DroNet on a board that does not exist: it sees the obstacle, and goes over to the quick PE.
dronet=$MAE_SOURCE_DIR/../shared/models/dronet
if [ -n "${MAE_EMULATE:-}" ]; then
    echo "emulated frames take so much longer than the example's that they count as hung: left out"
elif [ -f "$dronet/model.onnx" ]; then
    mkdir way
    cp "$dronet/test_data_set_1/input_0.pb" way/1.pb
    cp "$dronet/test_data_set_0/input_0.pb" way/2.pb
    example=$MAE_SOURCE_DIR/examples/dronet
    mae 0 stream "$dronet/model.onnx" --soc "$example/soc.json" --profile "$example/profile.json" \
        --rules "$example/rules.txt" --input way --rate 20 --deadline-ms 50 --frames 12 --json --trace seen.json
    json_has '"frames":12'
    json_has '"losses":0'
    grep -q '"of":"rule of line 4"' seen.json || fail "no obstacle was seen"
else
    echo "DroNet is not here: left out"
fi
rm -r frames empty

# Ctrl-C ends it, with the summary.
"$MAE_PROGRAM" stream "$models/tiny.onnx" --soc soc.json --profile tiny.json --rate 100 --socket ctl >out 2>err &
program=$!
tries=0
until [ -S ctl ] || [ $tries -eq 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
[ -S ctl ] || fail "no control socket"
[ "$(stat -c %a ctl)" = 600 ] || fail "the control socket is not the owner's alone"
sleep 0.3
kill -INT $program
status=0
wait $program || status=$?
ran="mae stream, interrupted"
[ $status -eq 0 ] || fail "exit status $status"
prints " frames in "
[ ! -e ctl ] || fail "the control socket is left"
[ -f "$scenario" ] || fail "the example is not there"
