#!/bin/sh
# Unpacks the packages of another architecture, and all that they need, into deps/sysroot-ARCH: to build for that
# architecture and to run what was built under emulation. The system's own apt resolves and downloads them, from its
# own sources, with a state of its own: nothing is installed, no architecture is added, and no root is needed.
# Arguments: ARCH PACKAGE...
set -eu
cd "$(dirname "$0")/.."
arch=$1
shift

root=deps/sysroot-$arch
stamp=$root/packages
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "No apt-get to fetch packages for $arch with: set up a root file system of it as $root yourself." >&2
    exit 1
fi

echo "Unpacking Debian packages for $arch into $root: $*"
mkdir -p deps
work=$PWD/deps/sysroot.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/root"
: >"$work/status"
cat >"$work/apt.conf" <<EOF
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Sandbox::User "";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Debug::NoLocking "true";
EOF
export APT_CONFIG="$work/apt.conf"
apt-get update -qq
apt-get install -y -qq --no-install-recommends --download-only "$@" >/dev/null
for package in "$work"/cache/archives/*.deb; do
    dpkg -x "$package" "$work/root"
done

# Emulated programs find files of the sysroot before those of the system: this one tells engines what core they run on,
# as a kernel there would; the system's own is of another architecture.
if [ "$arch" = arm64 ]; then
    mkdir "$work/root/proc"
    for i in $(seq 0 $(($(nproc) - 1))); do
        printf '%s\t: %s\n' processor "$i" BogoMIPS 100.00 \
            Features 'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp' \
            'CPU implementer' 0x41 'CPU architecture' 8 'CPU variant' 0x4 'CPU part' 0xd0b 'CPU revision' 1
        echo
    done >"$work/root/proc/cpuinfo"
fi
# No OpenCL driver is unpacked: those that the system names are of another architecture.
mkdir -p "$work/root/etc/OpenCL/vendors"
rm -rf "$root"
mv "$work/root" "$root"
# Last: a sysroot that is not whole is made again.
echo "$*" >"$stamp"
