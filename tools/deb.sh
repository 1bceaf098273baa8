#!/bin/sh
# Builds the Debian packages of what is committed (HEAD) into build-deb/: libmae0, libmae-dev, mae; and
# libmae0-onnxruntime where ONNX Runtime is not the distribution's but was fetched.
set -eu
cd "$(dirname "$0")/.."

version=$(dpkg-parsechangelog -S Version)
grep -q "^project(mae VERSION $version " CMakeLists.txt || {
    echo "debian/changelog says version $version, CMakeLists.txt does not" >&2
    exit 1
}

folder=build-deb/mae-$version
rm -rf build-deb
mkdir -p "$folder"
git diff --quiet HEAD -- || echo "note: the packages are of the last commit; there are changes since"
git archive HEAD | tar x -C "$folder"

profiles=
if [ -z "${ORT_ROOT:-}" ] && [ -f deps/onnxruntime/lib/libonnxruntime.so.1 ]; then
    # The same folder names as in the source tree: what is under deps/ was fetched, and is packed.
    mkdir -p "$folder/deps"
    cp -r deps/onnxruntime "$folder/deps/"
    profiles=pkg.mae.onnxruntime
fi

cd "$folder"
DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=${JOBS:-$(nproc)}" DEB_BUILD_PROFILES=$profiles \
    dpkg-buildpackage -b -us -uc >../build.log 2>&1 || { tail -n 40 ../build.log >&2; exit 1; }
cd - >/dev/null
ls build-deb/*.deb
