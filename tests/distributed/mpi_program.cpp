#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/byte_communicator.hpp>
#include <infoplane/distributed/mpi.hpp>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance.hpp"
#include "operations.hpp"

// One rank of a test under mpirun: `mpi_program <mode> [round]`. Prints what its rank saw; ends with 0 where that is
// right.
namespace {

using namespace std::chrono_literals;
using infoplane::ArgumentError;
using infoplane::CommunicationError;
using infoplane::distributed::ByteCommunicator;
using infoplane::distributed::Mpi;
using infoplane::distributed::MpiOptions;

int failures = 0;
std::string argument;  // behind the mode

void expect(bool holds, const std::string& what) {
  if (!holds) {
    ++failures;
    std::fprintf(stderr, "expected: %s\n", what.c_str());
  }
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <typename Exception>
std::string message_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const Exception& e) {
    return e.what();
  }
  return "nothing thrown";
}

constexpr int kLongMessage = 1 << 20;
bool stop_in_long_message = false;

bool is_stopped(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string number, name, state;
  file >> number >> name >> state;
  return state == "T";
}

void conformance(Mpi& communicator) {
  for (const auto& one : infoplane::test::conformance_cases()) {
    one.run(communicator);
  }
  expect(holds(communicator.describe(), "MPI communicator, rank "), "a description");
}

// The trainer's error handler and messages are as before, and its communicator still works.
void borrowed(Mpi& communicator) {
  MPI_Errhandler before = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &before);
  const int peer = communicator.size() - 1 - communicator.rank();
  int out = communicator.rank();
  int in = -1;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Isend(&out, 1, MPI_INT, peer, 0, MPI_COMM_WORLD, &request);
  conformance(communicator);
  MPI_Recv(&in, 1, MPI_INT, peer, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  expect(in == peer, "the trainer's own message");
  MPI_Errhandler after = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &after);
  expect(before == after && after == MPI_ERRORS_ARE_FATAL, "the trainer's error handler");
}

void refuses(Mpi& communicator) {
  expect(message_of<ArgumentError>([] { Mpi(MPI_COMM_NULL); }) ==
             "the communicator is MPI_COMM_NULL; pass MPI_COMM_WORLD or another one that holds this rank",
         "MPI_COMM_NULL refused");
  expect(message_of<ArgumentError>([] { Mpi(MPI_COMM_WORLD, MpiOptions().timeout(0ms)); }) ==
             "timeout must be above 0, got 0 ms",
         "timeout refused");
  expect(holds(message_of<ArgumentError>([] { Mpi(MPI_COMM_WORLD, MpiOptions().tag(-1)); }), "tag must be from 0 to "),
         "tag refused");
  communicator.all_gather(at::ones({1}, at::kLong));
}

void expect_failure(Mpi& communicator, int culprit, const std::string& text, const std::function<void()>& function) {
  const auto start = std::chrono::steady_clock::now();
  try {
    function();
    expect(false, "a CommunicationError");
  } catch (const CommunicationError& e) {
    std::printf("rank %d: %s\n", communicator.rank(), e.what());
    expect(e.rank() == culprit, "rank " + std::to_string(culprit) + " to blame");
    expect(holds(e.what(), text), text);
  }
  expect(std::chrono::steady_clock::now() - start < 5500ms, "an error within timeout + 5 s");
}

constexpr int kRounds = 50;
constexpr auto kTimeout = 250ms;

/// A communicator of its own for each round, as what a failed operation leaves behind must not meet the next one.
void in_rounds(const std::function<void(Mpi& communicator, int round)>& body, std::chrono::milliseconds timeout) {
  std::vector<MPI_Comm> rounds(kRounds);
  for (MPI_Comm& round : rounds) {
    MPI_Comm_dup(MPI_COMM_WORLD, &round);
  }
  for (int round = 0; round < kRounds; ++round) {
    Mpi communicator(rounds[static_cast<std::size_t>(round)], MpiOptions().timeout(timeout));
    body(communicator, round);
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

// One rank is late; the others give up.
void late(Mpi&) {
  in_rounds(
      [](Mpi& communicator, int round) {
        const int culprit = round % communicator.size();
        at::Tensor values = at::ones({100}, at::kDouble);
        if (communicator.rank() == culprit) {
          std::this_thread::sleep_for(kTimeout + 250ms);
          return;
        }
        expect_failure(communicator, culprit, "did not come within 250 ms", [&] { communicator.sum(values); });
        expect(holds(message_of<CommunicationError>([&] { communicator.sum(values); }),
                     "the communicator is broken since"),
               "a broken communicator");
      },
      kTimeout);
}

// One rank is stopped while it sends a message too long to be on its way without it, of which the others already have
// the beginning; MPI cannot end their receive then. It goes on when they have given up.
void stopped(Mpi&) {
  int self = static_cast<int>(getpid());
  std::vector<int> processes(2);
  MPI_Allgather(&self, 1, MPI_INT, processes.data(), 1, MPI_INT, MPI_COMM_WORLD);
  in_rounds(
      [&processes](Mpi& communicator, int round) {
        const int culprit = round % 2;
        const at::Tensor values = at::ones({kLongMessage}, at::kByte);
        if (communicator.rank() == culprit) {
          stop_in_long_message = true;
          message_of<CommunicationError>([&] {
            if (round < 2) {
              ByteCommunicator(communicator).all_gather(std::string(48 << 20, 'x'));
            }
            communicator.all_gather(values);
          });  // too late: it may have one or not
          expect(!stop_in_long_message, "a long message");
          return;
        }
        expect_failure(communicator, culprit, "did not come within 250 ms", [&] {
          if (round < 2) {  // of memory that goes back to the system, while MPI is still to read it
            ByteCommunicator(communicator).all_gather(std::string(48 << 20, 'x'));
          }
          communicator.all_gather(values);
        });
        while (!is_stopped(processes[culprit])) {  // it may not have come so far on a busy machine
          std::this_thread::sleep_for(1ms);
        }
        kill(processes[culprit], SIGCONT);
      },
      kTimeout);
}

// One rank leaves the loop after some calls and goes where all meet in the end.
void leaves(Mpi&) {
  in_rounds(
      [](Mpi& communicator, int round) {
        const int culprit = round % communicator.size();
        at::Tensor values = at::ones({100}, at::kDouble);
        for (int i = 0; i < 3; ++i) {
          communicator.max(values);
        }
        if (communicator.rank() != culprit) {
          expect_failure(communicator, culprit, "did not come within 250 ms", [&] { communicator.max(values); });
        }
      },
      kTimeout);
}

void mismatch(Mpi&) {
  in_rounds(
      [](Mpi& communicator, int round) {
        const int culprit = round % communicator.size();
        const bool odd = communicator.rank() == culprit;
        at::Tensor values = at::ones({odd ? 3 : 4}, at::kDouble);
        expect_failure(
            communicator, odd ? (culprit == 0 ? 1 : 0) : culprit,
            odd ? "asked for sum number 1 of 4 values of Double" : "asked for sum number 1 of 3 values of Double",
            [&] { communicator.sum(values); });
      },
      60000ms);
}

// One rank dies in the midst of the calls of the round. mpirun ends the others; what they must not do is stay.
void killed(Mpi& communicator) {
  const int round = std::stoi(argument);
  std::printf("process %d\n", static_cast<int>(getpid()));
  std::fflush(stdout);
  at::Tensor values = at::ones({1000}, at::kDouble);
  communicator.sum(values);
  if (communicator.rank() == round % communicator.size()) {
    std::thread([round] {
      std::this_thread::sleep_for(std::chrono::microseconds(std::mt19937(round)() % 20000));
      std::raise(SIGKILL);
    }).detach();
  }
  while (true) {
    infoplane::test::call(communicator, round % 5);
  }
}

}  // namespace

// Before MPI's own, by its profiling interface.
int MPI_Isend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm communicator,
              MPI_Request* request) {
  const int result = PMPI_Isend(data, count, type, to, tag, communicator, request);
  if (count >= kLongMessage && std::exchange(stop_in_long_message, false)) {
    std::raise(SIGSTOP);
  }
  return result;
}

int main(int argc, char** argv) {
  at::set_num_threads(1);
  expect(holds(message_of<infoplane::StateError>([] { Mpi(MPI_COMM_WORLD); }), "MPI is not initialized"),
         "refused before MPI_Init");
  MPI_Init(&argc, &argv);
  const std::map<std::string, void (*)(Mpi&)> modes{
      {"conformance", conformance}, {"borrowed", borrowed}, {"refuses", refuses}, {"late", late},
      {"leaves", leaves},           {"mismatch", mismatch}, {"killed", killed},   {"stopped", stopped}};
  const std::string mode = argc > 1 ? argv[1] : "";
  try {
    argument = argc > 2 ? argv[2] : "";
    Mpi communicator(MPI_COMM_WORLD, MpiOptions().timeout(60000ms));
    modes.at(mode)(communicator);
  } catch (const std::exception& e) {
    expect(false, "no exception: " + std::string(e.what()));
  }
  if (failures != 0) {
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  std::printf("%s ended well\n", mode.c_str());
  return 0;
}
