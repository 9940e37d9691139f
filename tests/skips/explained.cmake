# A run with entries that are skipped in each way: ctest passes, shows them as skipped, and the reasons come at the end.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${WORK}")
file(WRITE "${WORK}/CTestTestfile.cmake" [=[
add_test(passes "sh" "-c" "echo; echo 'explicitly with message:'; echo '  not this'")
add_test(catch2 "sh" "-c" "printf '\n-----\na_test.cpp:7: SKIPPED:\nexplicitly with message:\n  no browser was found; install one [Debian: chromium] and\n  configure again\n\n====\ntest cases: 1 | 1 skipped\n'; exit 4")
set_tests_properties(catch2 PROPERTIES SKIP_RETURN_CODE 4)
add_test(captured "sh" "-c" "printf 'a_test.cpp:7: SKIPPED:\nexplicitly with messages:\n  no numpy\n\n===\n'; exit 4")
set_tests_properties(captured PROPERTIES SKIP_RETURN_CODE 4)
add_test(script "sh" "-c" "echo 'skipped: no torchrun is on PATH'; exit 77")
set_tests_properties(script PROPERTIES SKIP_RETURN_CODE 77)
add_test(missing "sh" "-c" "echo 'skipped: built without nccl.h'")
set_tests_properties(missing PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped: ")
add_test(silent "sh" "-c" "exit 4")
set_tests_properties(silent PROPERTIES SKIP_RETURN_CODE 4)
]=])
set(log "${WORK}/Testing/Temporary")
file(WRITE "${WORK}/CTestCustom.cmake"
     "set(CTEST_CUSTOM_PRE_TEST \"\\\"${CMAKE_COMMAND}\\\" -E rm -f \\\"${log}/LastTestsDisabled.log\\\"\")\n"
     "set(CTEST_CUSTOM_POST_TEST \"\\\"${CMAKE_COMMAND}\\\" -D \\\"LOG=${log}\\\" -P \\\"${CMAKE_CURRENT_LIST_DIR}/explain.cmake\\\"\")\n")

function(run)
  execute_process(COMMAND "${CTEST}" ${ARGN} WORKING_DIRECTORY "${WORK}" OUTPUT_VARIABLE out ERROR_VARIABLE err
                  RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "ctest ended with ${status}:\n${out}${err}")
  endif()
  set(out "${out}${err}" PARENT_SCOPE)
endfunction()

run()
foreach(name catch2 captured script missing silent)
  if(NOT out MATCHES "${name} [.]+[*][*][*]Skipped")
    message(SEND_ERROR "${name} is not shown as skipped:\n${out}")
  endif()
endforeach()
string(CONCAT expected "Why entries were skipped:\n"
  "  catch2: no browser was found; install one [Debian: chromium] and configure again\n"
  "  captured: no numpy\n"
  "  script: no torchrun is on PATH\n"
  "  missing: built without nccl.h\n"
  "  silent: it did not say why\n")
string(FIND "${out}" "${expected}" at)
if(at EQUAL -1)
  message(SEND_ERROR "these lines do not come:\n${expected}in:\n${out}")
endif()
if(NOT out MATCHES "100% tests passed, 0 tests failed out of 6")
  message(SEND_ERROR "a skip counts as a failure:\n${out}")
endif()

run(-R passes)   # and what the run before skipped is no part of this one
if(out MATCHES "Why entries")
  message(SEND_ERROR "nothing was skipped:\n${out}")
endif()
run(-N)
if(out MATCHES "Why entries")
  message(SEND_ERROR "nothing was run:\n${out}")
endif()
