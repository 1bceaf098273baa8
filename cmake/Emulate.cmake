# For tests of a cross-built tree: BUILD/emulate PROGRAM ARGUMENT... runs a program of the target, BUILD/emulate-mae the
# program `mae`; MAE_CC is the compiler for the target as one command line.
set(emulator "")
foreach(part ${CMAKE_CROSSCOMPILING_EMULATOR})
  string(APPEND emulator "'${part}' ")
endforeach()
function(mae_emulate_script name command)
  file(WRITE ${CMAKE_BINARY_DIR}/${name} "#!/bin/sh\nexec ${emulator}${command}\"$@\"\n")
  file(CHMOD ${CMAKE_BINARY_DIR}/${name}
    PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endfunction()
mae_emulate_script(emulate "")
mae_emulate_script(emulate-mae "'${CMAKE_BINARY_DIR}/mae' ")
set(MAE_EMULATE ${CMAKE_BINARY_DIR}/emulate)
set(MAE_PROGRAM_COMMAND ${CMAKE_BINARY_DIR}/emulate-mae)

set(MAE_CC "${CMAKE_C_COMPILER} --sysroot=${CMAKE_SYSROOT}")
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  string(APPEND MAE_CC " --target=${CMAKE_C_COMPILER_TARGET}")
endif()
