# Sourced: a minimal system in $root (debootstrap; as root), its mirror and keys this machine's. Wants $top, a folder for
# its log, and fail().
inside() { chroot "$root" "$@"; }

suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=$(apt-get indextargets 'Created-By: Packages' 'Origin: Debian' --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' | sort -u)
mirror=$(echo "$sources" | awk -v suite="$suite" '$3 == suite { print $2; exit }')
[ -n "$mirror" ] || fail "this machine's apt knows no Debian $suite (apt-get update?)"
make_root() { # PACKAGE...: with these
    mkdir "$root"
    debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$top/log" 2>&1 || fail "debootstrap: $(tail -n 20 "$top/log")"
    echo "$sources" >"$root/etc/apt/sources.list"
    cp /etc/resolv.conf "$root/etc/"
    inside apt-get update -qq
    inside apt-get upgrade -y -qq >"$top/log" 2>&1
    inside apt-get install -y -qq --no-install-recommends "$@" >"$top/log" 2>&1 ||
        fail "apt-get: $(tail -n 20 "$top/log")"
}
