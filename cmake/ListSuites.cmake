# Writes OUTPUT, a file that tells ctest the test suites of PROGRAM, each as one test: a process a case would spend most of a
# run under the sanitizers on starting.
# usage: cmake -D PROGRAM=test_x -D MODULE=x -D OUTPUT=x.cmake -P ListSuites.cmake
execute_process(COMMAND "${PROGRAM}" --gtest_list_tests
  OUTPUT_VARIABLE listed RESULT_VARIABLE status TIMEOUT 120)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} does not list its tests (${status}): run it with --gtest_list_tests to see why.")
endif()
# A suite stands at the beginning of a line and ends with a dot; its cases are indented.
string(REGEX MATCHALL "(^|\n)[A-Za-z_][A-Za-z_0-9/]*\\." suites "${listed}")
set(tests "")
foreach(suite IN LISTS suites)
  string(STRIP "${suite}" suite)
  string(REGEX REPLACE "\\.$" "" name "${MODULE}.${suite}")
  string(APPEND tests "add_test(\"${name}\" \"${PROGRAM}\" \"--gtest_filter=${suite}*\")\n"
    "set_tests_properties(\"${name}\" PROPERTIES LABELS unit TIMEOUT 300)\n")
endforeach()
file(WRITE "${OUTPUT}" "${tests}")
