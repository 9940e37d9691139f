#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "cli/program.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe, as of head, is an error of the stream
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return infoplane::cli::run(arguments, std::cout, std::cerr);
}
