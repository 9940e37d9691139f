#include "program.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace examples_test {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

Program::Program(const std::string& executable, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment) {
  // Everything is made before the fork: the child may only make system calls.
  std::vector<char*> argv{const_cast<char*>(executable.c_str())};
  for (const auto& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  std::vector<char*> variables;
  for (const auto& variable : environment) {
    variables.push_back(const_cast<char*>(variable.c_str()));
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  const int out_file = open(out().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const int err_file = open(err().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  pid_ = fork();
  if (pid_ == 0) {
    if (dup2(out_file, STDOUT_FILENO) >= 0 && dup2(err_file, STDERR_FILENO) >= 0 &&
        chdir(folder_.path().c_str()) == 0) {
      execvpe(argv[0], argv.data(), variables.data());
    }
    _exit(127);
  }
  close(out_file);
  close(err_file);
  if (pid_ < 0) {
    throw std::runtime_error("fork failed");
  }
}

Program::~Program() {
  if (!ended_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
  }
}

bool Program::ended(bool wait) {
  if (!ended_) {
    ended_ = waitpid(pid_, &status_, wait ? 0 : WNOHANG) == pid_;
  }
  return ended_;
}

bool Program::wait_for(const std::string& part) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (content(out()).find(part) == std::string::npos) {
    if (ended(false) || std::chrono::steady_clock::now() > limit) {
      return content(out()).find(part) != std::string::npos;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

void Program::send(int signal) const { kill(pid_, signal); }

Outcome Program::finish() {
  ended(true);
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -1, content(out()), content(err())};
}

}  // namespace examples_test
