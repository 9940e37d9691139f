# declared.cmake finds every way in which an entry can be skipped without saying so, and nothing in one that says it.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${WORK}")
file(WRITE "${WORK}/tests/own_test.cpp" "TEST_CASE(\"a\", \"[x]\") { if (missing()) { SKIP(\"no device\"); } }\n")
file(WRITE "${WORK}/tests/tagged_test.cpp" "TEST_CASE(\"a\", \"[x][needs:browser]\") { needs(\"browser\", false, \"\"); }\n")
file(WRITE "${WORK}/tests/plain_test.cpp" "TEST_CASE(\"a\", \"[x]\") { REQUIRE(MAX_SKIP(1)); }\n")
file(WRITE "${WORK}/tests/skips.sh" "echo 'skipped: nothing there'\nexit 77\n")
file(WRITE "${WORK}/parts.txt"
     "good|browser,|${WORK}/tests/tagged_test.cpp\n"
     "untold|,|${WORK}/tests/plain_test.cpp,${WORK}/tests/tagged_test.cpp\n"
     "unused|gpu,|${WORK}/tests/plain_test.cpp\n")
file(WRITE "${WORK}/infoplane_test_a" "")
file(CHMOD "${WORK}/infoplane_test_a" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
file(WRITE "${WORK}/CTestTestfile.cmake" "
add_test(catch2_good \"${WORK}/infoplane_test_a\" \"--skip-benchmarks\")
set_tests_properties(catch2_good PROPERTIES LABELS \"a;optional\" SKIP_RETURN_CODE 4)
add_test(catch2_bad \"${WORK}/infoplane_test_a\")
add_test(script_good \"sh\" \"${WORK}/tests/skips.sh\")
set_tests_properties(script_good PROPERTIES SKIP_RETURN_CODE 77)
add_test(script_bad \"sh\" \"${WORK}/tests/skips.sh\")
add_test(missing_bad \"${CMAKE_COMMAND}\" \"-E\" \"echo\" \"skipped: built without it\")
")
execute_process(COMMAND "${CMAKE_COMMAND}" -D "CTEST=${CTEST}" -D "BUILD=${WORK}" -D "TESTS=${WORK}/tests"
                        -D "PARTS=${WORK}/parts.txt" -P "${CMAKE_CURRENT_LIST_DIR}/declared.cmake"
                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(status EQUAL 0)
  message(SEND_ERROR "it passes")
endif()
string(REGEX REPLACE "[ \n]+" " " err "${err}")
foreach(finding
        "own_test.cpp skips by itself: TEST_CASE"
        "cases of untold have the tag [needs:browser]"
        "unused declares gpu, but no case has the tag"
        "catch2_bad can be skipped by the exit code 4,"
        "script_bad can be skipped by the exit code 77,"
        "missing_bad prints \"skipped: built without it\" but has no SKIP_REGULAR_EXPRESSION")
  string(FIND "${err}" "${finding}" at)
  if(at EQUAL -1)
    message(SEND_ERROR "not found: ${finding}\nin: ${err}")
  endif()
endforeach()
string(REGEX MATCHALL "CMake Error" findings "${err}")
list(LENGTH findings count)
if(NOT count EQUAL 6)
  message(SEND_ERROR "${count} findings instead of 6: ${err}")
endif()
