#!/bin/sh
# The newcomer's path, timed: a minimal system of its own (debootstrap; as root) with git and make, a clone of what is
# committed, `make`, `mae bench` on a model, `make demo`.
# usage: newcomer.sh [MODEL [--shape ...]]     the model, with options of mae bench (default: a network of six layers)
# Environment: MAE_FETCHED=1 takes what was fetched (deps/, demo/) from here, where npm is not to be asked again;
# MAE_ROOT_TARBALL=FILE keeps the minimal system between runs.
set -eu
cd "$(dirname "$0")/.."
source=$(pwd)
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin:/sbin
unset MAE_BACKEND_PATH MAE_PROGRAM MAE_SOURCE_DIR MAE_BUILD_DIR

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
[ "$(id -u)" -eq 0 ] || { echo "skipped: chroot needs root"; exit 77; }
command -v debootstrap >/dev/null || { echo "skipped: no debootstrap"; exit 77; }
model=${1:-tests/data/models/tiny.onnx}
[ -f "$model" ] || fail "no model $model"
[ $# -eq 0 ] || shift

top=$(mktemp -d)
root=$top/root
cleanup() {
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$top"
}
trap cleanup EXIT
. tools/minimal-system.sh
if [ -n "${MAE_ROOT_TARBALL:-}" ] && [ -f "$MAE_ROOT_TARBALL" ]; then
    mkdir "$root"
    tar xf "$MAE_ROOT_TARBALL" -C "$root"
else
    make_root git make ca-certificates
    [ -z "${MAE_ROOT_TARBALL:-}" ] || tar cf "$MAE_ROOT_TARBALL" -C "$root" .
fi
mount -t proc none "$root/proc"

begin=$(date +%s)
lap() { echo "$(($(date +%s) - begin)) s: $*"; }
git clone -q --no-hardlinks "$source" "$root/root/mae"
cp "$model" "$root/root/model.onnx"
lap "cloned (from here: the network's part is not in it)"
if [ -n "${MAE_FETCHED:-}" ]; then
    mkdir -p "$root/root/mae/deps" "$root/root/mae/demo"
    [ ! -d deps/onnxruntime ] || cp -rL deps/onnxruntime "$root/root/mae/deps/"
    for folder in models pictures; do [ ! -d "demo/$folder" ] || cp -rL "demo/$folder" "$root/root/mae/demo/"; done
    [ ! -f demo/page.png ] || cp demo/page.png "$root/root/mae/demo/"
    echo "     (ONNX Runtime, and what of the demo's models was here, taken from here)"
fi
in_clone() { inside env HOME=/root sh -c 'cd /root/mae && "$@"' sh "$@"; }
in_clone make setup >"$top/log" 2>&1 || fail "make setup: $(tail -n 20 "$top/log")"
lap "packages installed"
in_clone make >"$top/log" 2>&1 || fail "make: $(tail -n 20 "$top/log")"
lap "built"
in_clone build/mae bench /root/model.onnx "$@" >"$top/bench" 2>"$top/log" || fail "mae bench: $(tail -n 20 "$top/log")"
lap "mae bench on a model of one's own"
grep -E '^(Mixing|MAEG|No mix|The plan)' "$top/bench" | sed 's/^/     /' || true
bench_s=$(($(date +%s) - begin))
in_clone make demo >"$top/log" 2>&1 || fail "make demo: $(tail -n 20 "$top/log")"
lap "make demo, after that"
echo "Clone to mae bench: $bench_s s. The machine: $(nproc) processors, load $(cut -d' ' -f1-3 /proc/loadavg)."
