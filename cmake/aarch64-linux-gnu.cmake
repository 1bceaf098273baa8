# Cross-builds for 64-bit Arm Linux with Debian's toolchain: CMAKE_TOOLCHAIN_FILE of the preset `aarch64`.
# Headers and libraries are those of MAE_SYSROOT (tools/sysroot.sh unpacks one), ONNX Runtime that of
# deps/onnxruntime-arm64 (tools/fetch-onnxruntime.sh arm64); what was built runs under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(mae_source ${CMAKE_CURRENT_LIST_DIR}/..)
set(MAE_SYSROOT "${mae_source}/deps/sysroot-arm64" CACHE PATH "A root file system of the target, with headers")
get_filename_component(CMAKE_SYSROOT "${MAE_SYSROOT}" REALPATH)
# Trial builds read this file again, and know the cache only by what is handed on.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MAE_SYSROOT)

# `-D CMAKE_C_COMPILER=clang` will do, too: with the toolchain's libgcc and linker.
if(NOT CMAKE_C_COMPILER)
  set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
endif()
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_C_COMPILER_EXTERNAL_TOOLCHAIN /usr)
# The libraries that our libraries need are the sysroot's, too.
foreach(kind EXE MODULE SHARED)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT
    "-Wl,-rpath-link,${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu -Wl,-rpath-link,${CMAKE_SYSROOT}/lib/aarch64-linux-gnu")
endforeach()

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH) # what is built against a mae that was installed somewhere finds it

# pkg-config: the target's files alone.
set(ENV{PKG_CONFIG_PATH} "")
set(ENV{PKG_CONFIG_LIBDIR} "${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig")
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${CMAKE_SYSROOT}")

# A core as boards of today have: armv8.2 with dot products and half precision; tools/sysroot.sh describes the same one.
set(MAE_QEMU_CPU cortex-a76 CACHE STRING "The core that is emulated: see qemu-aarch64 -cpu help")
find_program(MAE_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(MAE_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${MAE_QEMU};-L;${CMAKE_SYSROOT};-cpu;${MAE_QEMU_CPU}")
endif()
