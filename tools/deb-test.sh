#!/bin/sh
# Installs the packages in build-deb/ into a minimal system of its own (debootstrap; as root), uses them there, builds
# against them, removes them, and wants every file to be as it was before. The system's mirror and keys are this
# machine's. MAE_ROOT_TARBALL=FILE keeps the minimal system between runs.
set -eu
cd "$(dirname "$0")/.."
source=$(pwd)
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin:/sbin

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
say() { echo "deb-test: $*"; }
[ "$(id -u)" -eq 0 ] || { echo "skipped: chroot needs root"; exit 77; }
command -v debootstrap >/dev/null || { echo "skipped: no debootstrap"; exit 77; }
set -- build-deb/*.deb
[ -f "$1" ] || fail "no packages in build-deb: make deb"

top=$(mktemp -d)
root=$top/root
cleanup() {
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$top"
}
trap cleanup EXIT

# ---- a minimal system, with what a developer has ----

. tools/minimal-system.sh
if [ -n "${MAE_ROOT_TARBALL:-}" ] && [ -f "$MAE_ROOT_TARBALL" ]; then
    mkdir "$root"
    tar xf "$MAE_ROOT_TARBALL" -C "$root"
else
    make_root gcc libc6-dev pkgconf cmake make
    [ -z "${MAE_ROOT_TARBALL:-}" ] || tar cf "$MAE_ROOT_TARBALL" -C "$root" .
fi
mount -t proc none "$root/proc" # engines count the processors there
say "minimal $suite with a compiler"

# ---- install ----

# Every file with what it holds, but for apt's and the linker's own books.
listed() { # ACTION...: of find, on each file
    find . -xdev \( -path ./proc -o -path ./tmp/debs -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./var/cache \
        -o -path ./var/log -o -path ./etc/ld.so.cache \) -prune -o "$@"
}
census() {
    (
        cd "$root"
        listed -type d -printf 'd %m %p\n' -o -type l -printf 'l %p %l\n' -o -type f -printf 'f %m %p\n'
        listed -type f -print0 | xargs -0 md5sum
    ) | sort
}
mkdir "$root/tmp/debs"
cp "$@" "$root/tmp/debs/"
inside dpkg-query -W -f '${Package}\n' | sort >"$top/packages.before"
census >"$top/before"

# First alone: no engine, and the program works all the same.
without_engines=$(cd "$root/tmp/debs" && ls | grep -v onnxruntime | sed 's,^,/tmp/debs/,')
# shellcheck disable=SC2086
inside apt-get install -y -qq --no-install-recommends $without_engines >"$top/log" 2>&1 || fail "apt-get: $(cat "$top/log")"
inside mae --version
status=0
inside mae pes >"$top/out" 2>&1 || status=$?
say "without engines, mae pes says (exit status $status):"
sed 's/^/    /' "$top/out"
grep -q 'libonnxruntime' "$top/out" || fail "it does not name the engine that is missing"
inside mae plan /usr/share/mae/examples/profiles/xavier-agx-googlenet.json >"$top/out" || fail "mae plan"
inside mae stream --scenario /usr/share/doc/mae/examples/quadcopter/scenario.json --compare >"$top/out" || fail "mae stream"
say "without engines: a plan, and the virtual SoC's flight"

# Then with what they recommend.
inside sh -c 'apt-get install -y -qq --install-recommends /tmp/debs/*.deb' >"$top/log" 2>&1 || fail "apt-get: $(cat "$top/log")"
# shellcheck disable=SC2046
inside apt-get install -y -qq $(inside dpkg-query -W -f '${Recommends}' libmae0 | tr ',' '\n' |
    sed 's/|.*//; s/(.*//; /onnxruntime/d') >"$top/log" 2>&1 || fail "engines: $(cat "$top/log")"
inside mae pes >"$top/out" || fail "mae pes"
say "with engines, mae pes says:"
sed 's/^/    /' "$top/out"

# ---- use ----

models=$root/tmp/models
mkdir "$models"
cp "$source"/tests/data/models/tiny.onnx "$models/"
if [ -f "$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/mae/engines/libonnxruntime.so.1" ] ||
    inside ldconfig -p | grep -q 'libonnxruntime\.so'; then
    for model in "$source"/demo/models/ppocrv4_cls.onnx; do
        [ ! -f "$model" ] || cp "$model" "$models/"
    done
    for model in "$models"/*.onnx; do
        name=${model##*/}
        shape=
        [ "$name" != ppocrv4_cls.onnx ] || shape="--shape x=1,3,48,192"
        # shellcheck disable=SC2086
        inside mae bench "/tmp/models/$name" $shape --json >"$top/bench.json" 2>"$top/err" || fail "mae bench $name: $(cat "$top/err")"
        grep -q '"maeg' "$top/bench.json" || grep -q '"format": "mae-bench"' "$top/bench.json" || fail "no bench: $(head -c 300 "$top/bench.json")"
        say "mae bench $name: done"
    done
    run=run
else
    say "NO ONNX Runtime among the packages: mae bench was not run"
    run=
fi

# ---- build against them ----

example=/usr/share/mae/examples/classify.c
# shellcheck disable=SC2016
inside sh -c 'cc -std=c11 -Wall -Wextra -Werror -o /tmp/classify '$example' $(pkg-config --cflags --libs mae)' || fail "pkg-config"
cp -r tests/package/consumer "$root/tmp/consumer"
inside sh -c 'cmake -S /tmp/consumer -B /tmp/consumer/build && cmake --build /tmp/consumer/build' >"$top/log" 2>&1 ||
    fail "$(cat "$top/log")"
for program in /tmp/classify /tmp/consumer/build/classify; do
    [ -n "$run" ] || continue
    inside $program /tmp/models/tiny.onnx >"$top/out" || fail "$program"
    grep -q '^5\. output' "$top/out" || fail "$program: not five scores"
done
say "classify.c: built through pkg-config and through CMake${run:+, and run}"
rm -r "$root/tmp/classify" "$root/tmp/consumer" "$models"

# ---- remove ----

inside dpkg-query -W -f '${Package}\n' | sort >"$top/packages.now"
# shellcheck disable=SC2046
inside apt-get purge -y -qq $(comm -13 "$top/packages.before" "$top/packages.now") >"$top/log" 2>&1 || fail "$(cat "$top/log")"
inside dpkg-query -W -f '${Package}\n' | sort | cmp - "$top/packages.before" || fail "packages stay"
census >"$top/after"
diff "$top/before" "$top/after" >"$top/difference" || fail "files stay, or changed:
$(cat "$top/difference")"
say "removed without a trace: $(wc -l <"$top/after") files, links and folders as before"
