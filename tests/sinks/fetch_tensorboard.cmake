# cmake -D PYTHON=<python3> -D FOLDER=<folder> -P fetch_tensorboard.cmake: no error where it cannot be fetched; the test
# is then skipped and says why, and the next build tries again.
execute_process(COMMAND "${PYTHON}" -m pip install --disable-pip-version-check --quiet --root-user-action=ignore --no-compile
                        --target "${FOLDER}" "tensorboard>=2.15" "setuptools<81"
                OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE status)
if(status EQUAL 0)
  file(TOUCH "${FOLDER}/.complete")
else()
  message(STATUS "tensorboard could not be installed into ${FOLDER}")
endif()
