# What `cmake --install` puts where. Nothing holds the prefix: the pkg-config file, the CMake package, the program and
# the backends find each other from where they are, so a tree can be moved as a whole.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(MAE_DATA ${CMAKE_INSTALL_DATADIR}/mae)
set(MAE_BACKENDS ${CMAKE_INSTALL_LIBDIR}/mae/backends) # the library looks in mae/backends beside itself
set(MAE_ENGINES ${CMAKE_INSTALL_LIBDIR}/mae/engines)
set(MAE_CMAKE ${CMAKE_INSTALL_LIBDIR}/cmake/mae)

# ---- library, program, backends ----

install(TARGETS mae EXPORT mae-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/mae DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# The loader looks in /usr by itself; anywhere else the program says where its library is.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  file(RELATIVE_PATH to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(mae_program PROPERTIES INSTALL_RPATH "$ORIGIN/${to_lib}")
endif()
install(TARGETS mae_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(module ${MAE_MODULES})
  install(TARGETS ${module} LIBRARY DESTINATION ${MAE_BACKENDS})
endforeach()

# An ONNX Runtime that is not the system's is of no use where it was fetched to: it comes along.
set(MAE_INSTALL_ENGINES ON CACHE BOOL "Install the ONNX Runtime that tools/fetch-onnxruntime.sh fetched")
if(TARGET mae-ort AND MAE_INSTALL_ENGINES AND ORT_LIBRARY MATCHES "/deps/onnxruntime[^/]*/")
  file(REAL_PATH ${ORT_LIBRARY} ort_file)
  install(PROGRAMS ${ort_file} DESTINATION ${MAE_ENGINES} RENAME libonnxruntime.so.1)
  set_target_properties(mae-ort PROPERTIES INSTALL_RPATH "$ORIGIN/../engines")
endif()

# ---- for those who build against the library ----

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(MAE_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" to_prefix ${to_prefix})
  set(MAE_PC_PREFIX "\${pcfiledir}/${to_prefix}")
endif()
foreach(dir LIB INCLUDE)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_${dir}DIR})
    set(MAE_PC_${dir}DIR ${CMAKE_INSTALL_${dir}DIR})
  else()
    set(MAE_PC_${dir}DIR "\${prefix}/${CMAKE_INSTALL_${dir}DIR}")
  endif()
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/mae.pc.in ${CMAKE_BINARY_DIR}/mae.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/mae.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/mae-config.cmake.in ${CMAKE_BINARY_DIR}/mae-config.cmake
  INSTALL_DESTINATION ${MAE_CMAKE} PATH_VARS MAE_BACKENDS MAE_DATA)
# Before version 1 every minor version may change the interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/mae-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/mae-config.cmake ${CMAKE_BINARY_DIR}/mae-config-version.cmake
  DESTINATION ${MAE_CMAKE})
install(EXPORT mae-targets NAMESPACE mae:: DESTINATION ${MAE_CMAKE})

# ---- to read ----

foreach(section 1 3 5 7)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.${section})
  if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/schemas DESTINATION ${MAE_DATA} FILES_MATCHING PATTERN "*.json")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/examples/ DESTINATION ${MAE_DATA}/examples
  FILES_MATCHING PATTERN "*.json" PATTERN "*.txt" PATTERN "*.onnx" PATTERN "CMakeLists.txt" EXCLUDE)
install(FILES ${CMAKE_SOURCE_DIR}/examples/classify.c DESTINATION ${MAE_DATA}/examples)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.png" PATTERN "decisions" EXCLUDE PATTERN "man" EXCLUDE)
