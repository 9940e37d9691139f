# The optional parts: each says once whether it is in, and infoplane_print_parts() ends the configuration with all of them.

# infoplane_part(<name> <is_in> <text>): `text` is what it is made of or, where it is off, what to install or to pass for it.
function(infoplane_part name is_in text)
  string(LENGTH "${name}" width)
  math(EXPR padding "30 - ${width}")
  string(REPEAT " " ${padding} padding)
  set(state "off  ")
  if(is_in)
    set(state "on   ")
  endif()
  string(REPLACE ";" "\\;" text "${text}")
  string(STRIP "${name}${padding}${state}${text}" row)
  set_property(GLOBAL APPEND PROPERTY INFOPLANE_PARTS "${row}")
endfunction()

# A part that is on where the option is, and wants nothing installed.
function(infoplane_chosen_part name option)
  if(${option})
    infoplane_part("${name}" ON "")
  else()
    infoplane_part("${name}" OFF "-D${option}=ON")
  endif()
endfunction()

function(infoplane_print_parts)
  infoplane_chosen_part("program infoplane" INFOPLANE_PROGRAM)
  infoplane_chosen_part("install rules" INFOPLANE_INSTALL)
  infoplane_chosen_part("examples" INFOPLANE_EXAMPLES)
  infoplane_chosen_part("benchmarks" INFOPLANE_BENCHMARKS)
  infoplane_chosen_part("tests" INFOPLANE_TESTS)
  get_property(parts GLOBAL PROPERTY INFOPLANE_PARTS)
  set_property(GLOBAL PROPERTY INFOPLANE_PARTS "")   # another subdirectory may hold this project again
  message(STATUS "Parts of infoplane ${PROJECT_VERSION}; of those that are off, what to install or to pass:")
  foreach(part IN LISTS parts)
    message(STATUS "  ${part}")
  endforeach()
endfunction()
