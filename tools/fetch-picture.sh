#!/bin/sh
# Takes the demo's picture, a photographed page, out of Debian's python3-skimage (not installed, only unpacked).
set -eu
cd "$(dirname "$0")/.."
[ ! -f demo/page.png ] || exit 0
echo "Fetching the picture (page.png of Debian's python3-skimage)"
work=demo/picture.$$
trap 'rm -rf "$work"' EXIT
mkdir -p $work
# apt's own download user may not write here; that it then downloads as root is no news to the reader.
if ! (cd $work && apt-get download -qq python3-skimage 2>log); then
    cat $work/log >&2
    exit 1
fi
dpkg-deb -x $work/python3-skimage_*.deb $work/unpacked
mv "$(find $work/unpacked -path '*skimage/data/page.png')" demo/page.png
