#include <infoplane/core/error.hpp>
#include <infoplane/distributed/environment.hpp>
#include <infoplane/distributed/local.hpp>

#if INFOPLANE_HAS_C10D
#include <infoplane/distributed/process_group.hpp>
#endif

namespace infoplane::distributed {

std::shared_ptr<Communicator> from_environment(const FromEnvironmentOptions& options) {
  LaunchEnvironment environment = read_launch_environment();
  if (environment.size == 1) {
    return std::make_shared<Local>();
  }
#if INFOPLANE_HAS_C10D
  if (environment.master_address.empty() && environment.local_size == environment.size) {
    environment.master_address = "127.0.0.1";
    environment.master_port = 29500;
  }
  const ProcessGroupOptions group_options = ProcessGroupOptions().timeout(options.timeout());
  return std::make_shared<ProcessGroup>(make_gloo_group(environment, group_options), group_options);
#else
  static_cast<void>(options);
  INFOPLANE_THROW(StateError, environment.launcher, " started rank ", environment.rank, " of ", environment.size,
                  ", but this library was built without c10d: pass the trainer's own communicator");
#endif
}

}  // namespace infoplane::distributed
