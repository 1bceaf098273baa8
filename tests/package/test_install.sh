# What `cmake --install` puts into a folder works there and where it is moved to; others build against it through
# pkg-config and through CMake.
set -eu
. "$MAE_SOURCE_DIR/tests/package/lib.sh"
need_plain_build
unset MAE_BACKEND_PATH
libdir=$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[A-Z]*=//p' "$MAE_BUILD_DIR/CMakeCache.txt")

cmake --install "$MAE_BUILD_DIR" --prefix "$work/first" >log || fail "cmake --install: $(cat log)"
DESTDIR=$work/stage cmake --install "$MAE_BUILD_DIR" --prefix /opt/mae >log || fail "with DESTDIR: $(cat log)"
(cd first && find . | sort) >files
(cd stage/opt/mae && find . | sort) | diff files - || fail "DESTDIR installs something else"
rm -r stage
# Each file is in one of the Debian packages, or left out of them on purpose.
cat "$MAE_SOURCE_DIR"/debian/*.install "$MAE_SOURCE_DIR"/debian/not-installed >packed
for file in $(cd first && find . ! -type d | sed 's,^\./,,'); do
    case $file in "$libdir"/*) path=usr/lib/any/${file#"$libdir"/} ;; *) path=usr/$file ;; esac
    found=
    while read -r pattern; do
        # shellcheck disable=SC2254
        case $path in $pattern | $pattern/*) found=yes ;; esac
    done <packed
    [ "$found" ] || fail "$file is in no package (debian/*.install)"
done
for file in bin/mae "$libdir/libmae.so.0" "$libdir/mae/backends/mae-sim.so" "$libdir/pkgconfig/mae.pc" \
    "$libdir/cmake/mae/mae-config.cmake" include/mae/mae.h share/man/man1/mae.1 share/mae/schemas/mae-plan.schema.json; do
    [ -f "first/$file" ] || fail "$file is not installed"
done
for header in "$MAE_SOURCE_DIR"/include/mae/*.h; do
    cmp "$header" "first/include/mae/${header##*/}"
done
if grep -rl -e "$MAE_BUILD_DIR" -e "$MAE_SOURCE_DIR" -e "$work" first --include='*.pc' --include='*.cmake' >holders; then
    fail "files that hold a path: $(cat holders)"
fi

# Where it was moved to, nothing of where it was.
mv first "moved away"
prefix="$work/moved away"
built "$prefix/bin/mae" --version | grep -q '^mae [0-9]' || fail "mae --version"
built "$prefix/bin/mae" pes --json >pes.json || fail "mae pes"
built "$prefix/bin/mae" plan "$prefix/share/mae/examples/profiles/xavier-agx-googlenet.json" -o plan.json >out || fail "mae plan"
grep -q '"predicted"' plan.json || fail "no plan was written"
built "$prefix/bin/mae" stream --scenario "$prefix/share/mae/examples/quadcopter/scenario.json" --compare >out ||
    fail "mae stream: the virtual SoC of an installed example"

# Against it, through pkg-config ...
export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig"
mkdir one
flags=$(pkg-config --cflags --libs mae) || fail "pkg-config"
eval "$MAE_CC -std=c11 -Wall -Wextra -Werror '$prefix/share/mae/examples/classify.c' -o one/classify $flags"
# ... and through CMake.
cmake -S "$MAE_SOURCE_DIR/tests/package/consumer" -B two -DCMAKE_PREFIX_PATH="$prefix" >log 2>&1 || fail "$(cat log)"
cmake --build two >log 2>&1 || fail "$(cat log)"
# Each header stands alone.
for header in "$prefix"/include/mae/*.h; do
    echo "#include \"mae/${header##*/}\"" | $MAE_CC -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" -x c - ||
        fail "$header does not stand alone"
done

export LD_LIBRARY_PATH="$prefix/$libdir"
for program in one/classify two/classify; do
    status=0
    built $program >out 2>&1 || status=$?
    [ $status -eq 2 ] || fail "$program does not start: $(cat out)"
    grep -q '"name": *"cpu/ort"' pes.json || continue
    built $program "$MAE_SOURCE_DIR/tests/data/models/tiny.onnx" >out 2>&1 ||
        fail "$program: $(cat out)"
    grep -q '^5\. output' out || fail "not five scores: $(cat out)"
done
