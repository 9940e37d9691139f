#include "process_ranks.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <infoplane/core/error.hpp>

namespace infoplane::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

}  // namespace

int free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  INFOPLANE_CHECK(listener >= 0 && bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0,
                  Error, "no free port");
  close(listener);
  return ntohs(address.sin_port);
}

ProcessRanks::ProcessRanks(int ranks, const Body& body) : reports_(ranks) {
  const std::string port = std::to_string(free_port());
  std::fflush(nullptr);
  for (int rank = 0; rank < ranks; ++rank) {
    int ends[2];
    INFOPLANE_CHECK(pipe(ends) == 0, Error, "no pipe");
    const pid_t process = fork();
    INFOPLANE_CHECK(process >= 0, Error, "no process");
    if (process == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (const int other : pipes_) {
        close(other);
      }
      close(ends[0]);
      setenv("RANK", std::to_string(rank).c_str(), 1);
      setenv("WORLD_SIZE", std::to_string(ranks).c_str(), 1);
      setenv("MASTER_ADDR", "127.0.0.1", 1);
      setenv("MASTER_PORT", port.c_str(), 1);
      int code = 99;
      try {
        code = body(rank, [&](const std::string& text) {
          if (write(ends[1], text.data(), text.size()) < 0) {
            _exit(98);
          }
        });
      } catch (const std::exception& e) {
        std::fprintf(stderr, "rank %d: %s\n", rank, e.what());
      }
      _exit(code);  // the parent's test runner must not run on here
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    processes_.push_back(process);
    pipes_.push_back(ends[0]);
  }
}

ProcessRanks::~ProcessRanks() {
  for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
    if (processes_[rank] > 0) {
      ::kill(processes_[rank], SIGKILL);
      waitpid(processes_[rank], nullptr, 0);
    }
    close(pipes_[rank]);
  }
}

void ProcessRanks::read_reports(milliseconds limit) {
  std::vector<pollfd> waiting;
  for (const int end : pipes_) {
    waiting.push_back({end, POLLIN, 0});
  }
  poll(waiting.data(), waiting.size(), static_cast<int>(limit.count()));
  char buffer[4096];
  for (std::size_t rank = 0; rank < pipes_.size(); ++rank) {
    for (ssize_t got = 0; (got = read(pipes_[rank], buffer, sizeof buffer)) > 0;) {
      reports_[rank].append(buffer, static_cast<std::size_t>(got));
    }
  }
}

bool ProcessRanks::await_report(const std::string& text, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  const auto all_have = [&] {
    return std::all_of(reports_.begin(), reports_.end(),
                       [&](const std::string& report) { return report.find(text) != std::string::npos; });
  };
  while (!all_have() && Clock::now() < deadline) {
    read_reports(milliseconds(5));
  }
  return all_have();
}

void ProcessRanks::kill(int rank, int signal) const { ::kill(processes_[rank], signal); }

std::vector<RankOutcome> ProcessRanks::wait(milliseconds limit) {
  const auto start = Clock::now();
  std::vector<RankOutcome> outcomes(processes_.size());
  for (std::size_t left = processes_.size(); left > 0;) {
    const bool over = Clock::now() - start > limit;
    for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
      if (processes_[rank] <= 0) {
        continue;
      }
      if (over) {
        outcomes[rank].hung = true;
        ::kill(processes_[rank], SIGKILL);
      }
      int status = 0;
      if (waitpid(processes_[rank], &status, over ? 0 : WNOHANG) == processes_[rank]) {
        outcomes[rank].exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        outcomes[rank].signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        outcomes[rank].ended_after = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
        processes_[rank] = -1;
        --left;
      }
    }
    if (left > 0) {
      usleep(1000);
    }
    read_reports(milliseconds(0));
  }
  for (std::size_t rank = 0; rank < outcomes.size(); ++rank) {
    outcomes[rank].report = reports_[rank];
  }
  return outcomes;
}

bool has_children() { return waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

}  // namespace infoplane::test
