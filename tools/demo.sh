#!/bin/sh
# The main job on a real network (PP-OCRv4 text detection) and a real picture (a photographed page).
set -eu
cd "$(dirname "$0")/.."
tools/fetch-models.sh demo
tools/fetch-picture.sh

echo
echo "PP-OCRv4 text detection, profiled, planned, refined, raced and verified on this machine:"
echo
build/mae bench demo/models/ppocrv4_det.onnx --shape x=1,3,384,768 --input demo/page.png \
    --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --race 5 -o demo/page.plan.json --report demo/page.html
echo
echo "What the network saw, mapped by that plan:"
build/examples/show_text demo/models/ppocrv4_det.onnx demo/page.png demo/page-text.png demo/page.plan.json
echo
echo "60 s of a quadcopter's flight on a virtual SoC: the mapping follows battery, heat, obstacles and a lost GPU"
echo "(examples/quadcopter; the energies of this board's profile are modelled):"
echo
build/mae stream --scenario examples/quadcopter/scenario.json --compare
build/mae stream --scenario examples/quadcopter/scenario.json --compare --json >demo/flight.json
build/mae report demo/flight.json -o demo/flight.html
echo
echo "Pages of both, for a browser: $(pwd)/demo/page.html and $(pwd)/demo/flight.html"
echo "The plan: demo/page.plan.json. The picture with its boxes: $(pwd)/demo/page-text.png"
