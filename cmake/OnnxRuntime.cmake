# ONNX Runtime: ORT_ROOT if given, else the system's, else what tools/fetch-onnxruntime.sh put into
# deps/onnxruntime (deps/onnxruntime-arm64 where that is cross-built for). Without any the `ort` backend is not built,
# and configuring says so.
set(ORT_FETCHED ${CMAKE_SOURCE_DIR}/deps/onnxruntime)
if(CMAKE_CROSSCOMPILING)
  string(REPLACE "aarch64" "arm64" _ort_arch ${CMAKE_SYSTEM_PROCESSOR})
  set(ORT_FETCHED ${ORT_FETCHED}-${_ort_arch})
endif()
if(ORT_ROOT)
  find_path(ORT_INCLUDE_DIR onnxruntime_c_api.h PATHS ${ORT_ROOT} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH
    PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session onnxruntime)
  find_library(ORT_LIBRARY NAMES onnxruntime libonnxruntime.so.1 PATHS ${ORT_ROOT} NO_DEFAULT_PATH
    NO_CMAKE_FIND_ROOT_PATH PATH_SUFFIXES lib lib64)
endif()
find_path(ORT_INCLUDE_DIR onnxruntime_c_api.h
  PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session onnxruntime)
find_library(ORT_LIBRARY NAMES onnxruntime libonnxruntime.so.1 PATH_SUFFIXES lib lib64)
if(NOT ORT_INCLUDE_DIR OR NOT ORT_LIBRARY)
  unset(ORT_INCLUDE_DIR CACHE)
  unset(ORT_LIBRARY CACHE)
  find_path(ORT_INCLUDE_DIR onnxruntime_c_api.h PATHS ${ORT_FETCHED}/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
  find_library(ORT_LIBRARY NAMES libonnxruntime.so.1 PATHS ${ORT_FETCHED}/lib NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
endif()
if(ORT_INCLUDE_DIR AND ORT_LIBRARY)
  message(STATUS "ONNX Runtime: ${ORT_LIBRARY}, headers in ${ORT_INCLUDE_DIR}")
else()
  message(WARNING "ONNX Runtime not found: no `ort` backend, no import of models (run `make setup`)")
endif()
