#!/bin/sh
# Puts ONNX Runtime (library and C headers) into deps/onnxruntime where the system has none.
# Preferred, in this order: ORT_ROOT, the system's libonnxruntime-dev, and else two npm packages pinned by
# tools/onnxruntime/package-lock.json: onnxruntime-node ships the official library, and
# com.github.asus4.onnxruntime the matching C headers. No install script of theirs is run.
set -eu
cd "$(dirname "$0")/.."

lib=deps/onnxruntime/lib/libonnxruntime.so.1
stamp=deps/onnxruntime/package-lock.json
pinned=tools/onnxruntime/package-lock.json

[ -z "${ORT_ROOT:-}" ] || exit 0
[ "$(dpkg-query -W -f '${db:Status-Status}' libonnxruntime-dev 2>/dev/null)" = installed ] && exit 0
if [ -f $lib ] && cmp -s $pinned $stamp; then
    exit 0
fi
if [ "${1:-}" = --check ]; then
    echo "Missing: ONNX Runtime. Run 'make setup' (fetches it), or set ORT_ROOT." >&2
    exit 1
fi
if apt-cache show libonnxruntime-dev >/dev/null 2>&1; then
    tools/setup.sh libonnxruntime-dev
    exit 0
fi

case $(uname -m) in
x86_64) arch=x64 ;;
aarch64) arch=arm64 ;;
*) echo "No ONNX Runtime for $(uname -m) on npm: set ORT_ROOT to an installation of it." >&2; exit 1 ;;
esac

echo "Fetching ONNX Runtime from npm (onnxruntime-node, com.github.asus4.onnxruntime; about 600 MB unpacked, 50 MB kept)"
work=deps/fetch.$$
trap 'rm -rf "$work"' EXIT
mkdir -p $work deps
cp tools/onnxruntime/package.json $pinned $work/
(cd $work && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
headers=$(find $work/node_modules/com.github.asus4.onnxruntime -path '*ios-arm64/*' -name onnxruntime_c_api.h | head -n 1)
rm -rf deps/onnxruntime
mkdir -p deps/onnxruntime/include deps/onnxruntime/lib
cp "$(dirname "$headers")"/*.h deps/onnxruntime/include/
cp $work/node_modules/onnxruntime-node/bin/napi-v*/linux/$arch/libonnxruntime.so.1 $lib
cp $pinned $stamp
