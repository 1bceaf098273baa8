# Shared by the packages' tests: sourced, with $MAE_SOURCE_DIR and $MAE_BUILD_DIR set.
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# built PROGRAM ARGUMENT...: runs a program of this build, under the emulator where it is of another architecture.
built() {
    ${MAE_EMULATE:+"$MAE_EMULATE"} "$@"
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# What is built with sanitizers is not what is packed.
need_plain_build() {
    grep -q '^MAE_SANITIZE:[A-Z]*=$' "$MAE_BUILD_DIR/CMakeCache.txt" && return
    echo "skipped: built with sanitizers"
    exit 77
}
