#include <infoplane/core/error.hpp>
#include <infoplane/distributed/process_group.hpp>

#include "core/no_signals.hpp"

#if INFOPLANE_HAS_GLOO
#include <cstdlib>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

namespace infoplane::distributed {

#if INFOPLANE_HAS_GLOO
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace
#endif

c10::intrusive_ptr<c10d::Backend> make_gloo_group(const LaunchEnvironment& environment,
                                                  const ProcessGroupOptions& options) {
  INFOPLANE_CHECK(!environment.master_address.empty() && environment.master_port > 0, StateError, environment.launcher,
                  " started rank ", environment.rank, " of ", environment.size,
                  ", but MASTER_ADDR and MASTER_PORT are not set: export the address of rank 0 and a free port there");
#if INFOPLANE_HAS_GLOO
  const auto start = std::chrono::steady_clock::now();
  try {
    // The threads that are started here write to sockets as well, and keep this thread's mask.
    const NoSignals no_signals;
    c10d::TCPStoreOptions store_options;
    store_options.port = static_cast<std::uint16_t>(environment.master_port);
    // torchrun's own process may have the store there, and keeps it when it starts the ranks once more.
    store_options.isServer = environment.rank == 0 && variable("TORCHELASTIC_USE_AGENT_STORE") != "True";
    store_options.numWorkers = environment.size;
    store_options.timeout = options.timeout();
    const auto store = c10::make_intrusive<c10d::TCPStore>(environment.master_address, store_options);
    const auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout());
    const std::string interface = variable("GLOO_SOCKET_IFNAME");
    const bool here = environment.master_address == "127.0.0.1" || environment.master_address == "localhost";
    gloo->devices.push_back(!interface.empty() ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                            : here ? c10d::ProcessGroupGloo::createDeviceForHostname(environment.master_address)
                                   : c10d::ProcessGroupGloo::createDefaultDevice());
    const std::string prefix = "infoplane/" + variable("TORCHELASTIC_RESTART_COUNT");  // not the keys of dead ranks
    return c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>(prefix, store),
                                                       environment.rank, environment.size, gloo);
  } catch (const std::exception& e) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    const std::string reason = e.what();
    throw CommunicationError(
        detail::concat("rank ", environment.rank, " of ", environment.size, " could not join a Gloo group at ",
                       environment.master_address, ':', environment.master_port, " in ", waited.count(),
                       " ms: ", reason.substr(0, reason.find('\n'))),
        "join", -1, waited);
  }
#else
  static_cast<void>(options);
  INFOPLANE_THROW(StateError,
                  "this library was built without Gloo's headers (Debian: libgloo-dev), so it cannot make a group; "
                  "pass the trainer's own to ProcessGroup");
#endif
}

}  // namespace infoplane::distributed
