# The loop of the README on small trainings.
if(TARGET infoplane_stopping_readme OR NOT TARGET train_text_lib)
  return()
endif()
set(stopping ${PROJECT_SOURCE_DIR}/benchmarks/stopping)
add_executable(infoplane_stopping_readme ${stopping}/readme.cpp ${stopping}/readme_judge.cpp
               ${stopping}/readme_runs.cpp ${stopping}/readme_train.cpp ${stopping}/corpora.cpp)
infoplane_compile_options(infoplane_stopping_readme)
target_link_libraries(infoplane_stopping_readme PRIVATE train_text_lib infoplane::infoplane CLI11::CLI11 infoplane_fmt)
infoplane_use_precompiled(infoplane_stopping_readme
                          WITHOUT ${stopping}/readme.cpp ${stopping}/readme_judge.cpp ${stopping}/readme_runs.cpp
                                  ${stopping}/corpora.cpp)
set_source_files_properties(${stopping}/corpora.cpp PROPERTIES COMPILE_DEFINITIONS
                            INFOPLANE_DEMO_TEXT_DIR="${INFOPLANE_TORCH_PREFIX}/include")
