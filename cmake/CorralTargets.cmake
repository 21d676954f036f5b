# One static library per module, one test program per module.

# Debian's own interpreter has Debian's pytest; a build without tests takes any. By FindPython3 each target took a quarter of
# a second.
find_program(CORRAL_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(CORRAL_PYTHON NAMES python3 REQUIRED)

add_library(corral_flags INTERFACE)
target_compile_options(corral_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion)
if(CORRAL_WARNINGS_ARE_ERRORS)
  target_compile_options(corral_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # In a joined build a local name may be that of something in a neighbour file of the same unit; both kinds of build warn alike.
  target_compile_options(corral_flags INTERFACE -Wshadow=local)
elseif(NOT CORRAL_UNITY)
  target_compile_options(corral_flags INTERFACE -Wshadow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside coroutine frames and Boost headers that are correct (GCC bugs 105595, 98056).
  target_compile_options(corral_flags INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
endif()

# The precompiled header is only usable with the flags it was built with.
target_link_libraries(corral_boost PRIVATE corral_flags)
target_precompile_headers(corral_boost PRIVATE "${CMAKE_SOURCE_DIR}/cmake/corral_precompiled.hpp")

# What serves no request is made small rather than quick: a third less (docs/benchmarks.md). The precompiled header is a
# second one, for it goes with one kind of optimisation only.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  file(WRITE "${CMAKE_BINARY_DIR}/generated/small.cpp" "")
  add_library(corral_small OBJECT "${CMAKE_BINARY_DIR}/generated/small.cpp")
  target_link_libraries(corral_small PUBLIC corral_boost PRIVATE corral_flags)
  target_compile_options(corral_small PRIVATE -Os)
  target_precompile_headers(corral_small PRIVATE "${CMAKE_SOURCE_DIR}/cmake/corral_precompiled.hpp")
endif()

# That of the unit tests has GoogleTest too.
if(CORRAL_TESTS AND CORRAL_UNIT_TESTS)
  add_custom_target(unit_tests) # and what they start
  file(WRITE "${CMAKE_BINARY_DIR}/generated/tested.cpp" "")
  add_library(corral_tested OBJECT "${CMAKE_BINARY_DIR}/generated/tested.cpp")
  target_link_libraries(corral_tested PUBLIC corral_boost GTest::gmock PRIVATE corral_flags)
  target_precompile_headers(corral_tested PRIVATE "${CMAKE_SOURCE_DIR}/cmake/corral_precompiled_tests.hpp")
endif()

# MiB that a compiler takes at most for the 2,200 lines of a package's unit.
set(needed 450)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(needed 1100)
endif()
cmake_host_system_information(RESULT memory QUERY TOTAL_PHYSICAL_MEMORY)
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
# Where /proc is not mounted, either may be told as 0.
if(memory GREATER 0 AND cores GREATER 0)
  if(CORRAL_COMPILER_MEMORY)
    math(EXPR per_core "${memory} / ${cores}")
    set(from 900)
    set(needed_by_more 700)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      set(from 3500)
      set(needed_by_more 2000) # with this heap
      # Most of what GCC's collector frees comes back at once. Where the machine has the memory, it need not run.
      math(EXPR share "${per_core} / 5 * 1000")
      if(share GREATER 800000)
        set(share 800000)
      endif()
      target_compile_options(corral_flags INTERFACE --param=ggc-min-heapsize=${share})
    endif()
    if(per_core GREATER from)
      set(CORRAL_UNITY_LINES 6600) # a quarter of the time less than with a third of the lines
      set(needed ${needed_by_more})
    endif()
  endif()
  # Ninja starts two more than there are cores. A small board has not the memory for so many.
  math(EXPR compilers "(${memory} - 512) / ${needed}")
  math(EXPR most "${cores} + 2")
  if(compilers LESS most)
    if(compilers LESS 1)
      set(compilers 1)
    endif()
    set_property(GLOBAL APPEND PROPERTY JOB_POOLS compilers=${compilers})
    set(CMAKE_JOB_POOL_COMPILE compilers)
  endif()
endif()

# Lets sources of `target` share compilation units where CORRAL_UNITY is on.
function(corral_unity target)
  if(NOT CORRAL_UNITY)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  set(paths)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    if(source MATCHES "\\.cpp$" AND EXISTS "${source}")
      list(APPEND paths "${source}")
    endif()
  endforeach()
  execute_process(COMMAND "${CORRAL_PYTHON}" -I -S "${CMAKE_SOURCE_DIR}/tools/source_groups.py" ${CORRAL_UNITY_LINES} ${paths}
    OUTPUT_VARIABLE lines OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\n" ";" lines "${lines}")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([0-9]+) (.*)$" whole "${line}")
    set_source_files_properties("${CMAKE_MATCH_2}" PROPERTIES UNITY_GROUP "${CMAKE_MATCH_1}")
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What stands in an unnamed namespace of an included file is no header's.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# corral_module(<name> [SMALL] [PRECOMPILED <a header of its own>] SOURCES <files> DEPENDS <modules or libraries>)
function(corral_module name)
  cmake_parse_arguments(ARG "SMALL" "PRECOMPILED" "SOURCES;DEPENDS" ${ARGN})
  add_library(corral_${name} STATIC ${ARG_SOURCES})
  target_include_directories(corral_${name}
    PUBLIC "${CMAKE_SOURCE_DIR}/include" "${CMAKE_BINARY_DIR}/generated"
    PRIVATE "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(corral_${name} PUBLIC corral_boost ${ARG_DEPENDS} PRIVATE corral_flags)
  set(precompiled REUSE_FROM corral_boost)
  if(ARG_SMALL AND TARGET corral_small)
    target_compile_options(corral_${name} PRIVATE -Os)
    set(precompiled REUSE_FROM corral_small)
  endif()
  if(ARG_PRECOMPILED AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang") # GCC takes as long with it as without
    set(precompiled PRIVATE "${CMAKE_SOURCE_DIR}/cmake/${ARG_PRECOMPILED}")
  endif()
  target_precompile_headers(corral_${name} ${precompiled})
  corral_unity(corral_${name})
endfunction()

# corral_test(<module> SOURCES <files> DEPENDS <libraries>): program test_<module>, every suite known to ctest.
function(corral_test module)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(test_${module} ${ARG_SOURCES})
  add_dependencies(unit_tests test_${module})
  target_include_directories(test_${module} PRIVATE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(test_${module} PRIVATE corral_flags ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  target_precompile_headers(test_${module} REUSE_FROM corral_tested)
  corral_unity(test_${module})
  set(suites "${CMAKE_CURRENT_BINARY_DIR}/test_${module}_suites.cmake")
  add_custom_command(TARGET test_${module} POST_BUILD BYPRODUCTS "${suites}"
    COMMAND "${CMAKE_COMMAND}" -D "PROGRAM=$<TARGET_FILE:test_${module}>" -D MODULE=${module} -D "OUTPUT=${suites}"
            -P "${CMAKE_SOURCE_DIR}/cmake/ListSuites.cmake" VERBATIM)
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/test_${module}_include.cmake"
    "include(\"${suites}\" OPTIONAL RESULT_VARIABLE listed)\n"
    "if(NOT listed)\n  add_test(${module}.is_not_built test_${module}_is_not_built)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${CMAKE_CURRENT_BINARY_DIR}/test_${module}_include.cmake")
endfunction()
