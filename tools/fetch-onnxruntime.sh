#!/bin/sh
# Puts ONNX Runtime (library and C headers) into deps/onnxruntime where the system has none.
# Preferred, in this order: ORT_ROOT, the system's libonnxruntime-dev, and else two npm packages pinned by
# tools/onnxruntime/package-lock.json: onnxruntime-node ships the official library, and
# com.github.asus4.onnxruntime the matching C headers. No install script of theirs is run.
# With an architecture (x64, arm64) as argument: npm's for that one, into deps/onnxruntime-ARCH, to cross-build with.
set -eu
cd "$(dirname "$0")/.."

check=no
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi
arch=${1:-}
folder=deps/onnxruntime${arch:+-$arch}
lib=$folder/lib/libonnxruntime.so.1
stamp=$folder/package-lock.json
pinned=tools/onnxruntime/package-lock.json

if [ -z "$arch" ]; then
    [ -z "${ORT_ROOT:-}" ] || exit 0
    [ "$(dpkg-query -W -f '${db:Status-Status}' libonnxruntime-dev 2>/dev/null)" = installed ] && exit 0
fi
if [ -f "$lib" ] && cmp -s $pinned "$stamp"; then
    exit 0
fi
if [ $check = yes ]; then
    echo "Missing: ONNX Runtime. Run 'make setup' (fetches it), or set ORT_ROOT." >&2
    exit 1
fi
if [ -z "$arch" ] && apt-cache show libonnxruntime-dev >/dev/null 2>&1; then
    tools/setup.sh libonnxruntime-dev
    exit 0
fi

case ${arch:-$(uname -m)} in
x86_64 | x64) arch=x64 ;;
aarch64 | arm64) arch=arm64 ;;
*) echo "No ONNX Runtime for ${arch:-$(uname -m)} on npm: set ORT_ROOT to an installation of it." >&2; exit 1 ;;
esac

echo "Fetching ONNX Runtime from npm (onnxruntime-node, com.github.asus4.onnxruntime; about 600 MB unpacked, 50 MB kept)"
work=deps/fetch.$$
trap 'rm -rf "$work"' EXIT
mkdir -p $work deps
cp tools/onnxruntime/package.json $pinned $work/
(cd $work && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
headers=$(find $work/node_modules/com.github.asus4.onnxruntime -path '*ios-arm64/*' -name onnxruntime_c_api.h | head -n 1)
rm -rf "$folder"
mkdir -p "$folder/include" "$folder/lib"
cp "$(dirname "$headers")"/*.h "$folder/include/"
cp $work/node_modules/onnxruntime-node/bin/napi-v*/linux/$arch/libonnxruntime.so.1 "$lib"
cp $pinned "$stamp"
