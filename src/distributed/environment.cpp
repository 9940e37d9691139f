#include <array>
#include <cstdint>
#include <cstdlib>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <infoplane/distributed/environment.hpp>
#include <limits>
#include <optional>
#include <string_view>

namespace infoplane::distributed {
namespace {

struct Launcher {
  const char* name;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
};

// The innermost first: a launcher that another one started sets its variables last.
constexpr std::array kLaunchers{
    Launcher{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    Launcher{"InfiniTrain", "GLOBAL_PROC_RANK", "PROC_WORLD_SIZE", "LOCAL_PROC_RANK", "NPROC_PER_NODE"},
    Launcher{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
             "OMPI_COMM_WORLD_LOCAL_SIZE"},
    Launcher{"MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
    Launcher{"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", nullptr},
};

class Reader {
 public:
  explicit Reader(const EnvironmentGetter& get) : get_(get) {}

  std::optional<std::string> text(const char* name) const {
    const char* const value = name ? get_(name) : nullptr;
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
  }

  std::optional<int> number(const char* name, int least, int most = std::numeric_limits<int>::max()) const {
    const auto value = text(name);
    if (!value) {
      return std::nullopt;
    }
    const auto result = parsed(*value);
    INFOPLANE_CHECK(result, ArgumentError, name, "=", *value, " is no number");
    INFOPLANE_CHECK(*result >= least && *result <= most, ArgumentError, name, "=", *value, " is not from ", least,
                    " to ", most);
    return result;
  }

  /// MASTER_PORT, 0 where it isn't set. A world of one meets nobody, so there what is no port is as good as none.
  int port(int size) const {
    constexpr int kMost = 65535;
    if (size > 1) {
      return number("MASTER_PORT", 1, kMost).value_or(0);
    }
    const int result = parsed(text("MASTER_PORT").value_or("")).value_or(0);
    return result > 0 && result <= kMost ? result : 0;
  }

  std::optional<LaunchEnvironment> launch(const Launcher& launcher) const {
    const auto rank = number(launcher.rank, 0);
    const auto size = number(launcher.size, 1);
    if (size == 1 && rank.value_or(0) == 0) {
      return world_of_one(launcher);
    }
    // In a batch script Slurm sets the rank alone: only srun makes steps.
    if ((!rank && !size) || (!size && std::string_view(launcher.name) == "srun")) {
      return std::nullopt;
    }
    INFOPLANE_CHECK(rank && size, ArgumentError, rank ? launcher.rank : launcher.size, "=", rank ? *rank : *size,
                    " is set, but ", rank ? launcher.size : launcher.rank, " is not: set both or neither");
    INFOPLANE_CHECK(*rank < *size, ArgumentError, launcher.rank, "=", *rank, " is not below ", launcher.size, "=",
                    *size);
    LaunchEnvironment result;
    result.launcher = launcher.name;
    result.rank = *rank;
    result.size = *size;
    result.local_rank = number(launcher.local_rank, 0).value_or(0);
    result.local_size = number(launcher.local_size, 1).value_or(0);
    INFOPLANE_CHECK(result.local_size == 0 || result.local_rank < result.local_size, ArgumentError, launcher.local_rank,
                    "=", result.local_rank, " is not below ", launcher.local_size, "=", result.local_size);
    INFOPLANE_CHECK(result.local_size <= result.size, ArgumentError, launcher.local_size, "=", result.local_size,
                    " is above ", launcher.size, "=", result.size);
    INFOPLANE_CHECK(result.local_rank <= result.rank || result.local_size == 0 || result.local_size < result.size,
                    ArgumentError, launcher.local_rank, "=", result.local_rank, " contradicts ", launcher.rank, "=",
                    result.rank, ", as all processes are on this node");
    return result;
  }

 private:
  static std::optional<int> parsed(const std::string& text) {
    std::int64_t value = 0;
    const bool whole = parse_number(text, value) == NumberFault::kNone;
    const bool fits = value >= std::numeric_limits<int>::min() && value <= std::numeric_limits<int>::max();
    return whole && fits ? std::optional<int>(static_cast<int>(value)) : std::nullopt;
  }

  /// Nobody is to be met, so neither a rank nor agreement with the other processes of the node is asked for.
  LaunchEnvironment world_of_one(const Launcher& launcher) const {
    LaunchEnvironment result;
    result.launcher = launcher.name;
    result.local_rank = number(launcher.local_rank, 0).value_or(0);
    result.local_size = number(launcher.local_size, 1).value_or(0);
    return result;
  }

  const EnvironmentGetter& get_;
};

}  // namespace

LaunchEnvironment read_launch_environment(const EnvironmentGetter& get) {
  const Reader reader(get);
  LaunchEnvironment result;
  const Launcher* innermost = nullptr;
  for (const Launcher& launcher : kLaunchers) {
    const auto found = reader.launch(launcher);
    if (!found) {
      continue;
    }
    if (!innermost) {
      innermost = &launcher;
      result = *found;
      continue;
    }
    const bool outer = found->size < result.size;  // it started the inner launcher, not this process
    INFOPLANE_CHECK(outer || (found->size == result.size && found->rank == result.rank), ArgumentError, innermost->rank,
                    "=", result.rank, ", ", innermost->size, "=", result.size, " (", innermost->name, ") contradict ",
                    launcher.rank, "=", found->rank, ", ", launcher.size, "=", found->size, " (", launcher.name,
                    "): unset those that are not of this launch");
  }
  result.master_address = reader.text("MASTER_ADDR").value_or("");
  result.master_port = reader.port(result.size);
  if (result.size > 1) {
    INFOPLANE_CHECK(result.master_address.empty() == (result.master_port == 0), ArgumentError,
                    result.master_port == 0 ? "MASTER_ADDR" : "MASTER_PORT", " is set, but ",
                    result.master_port == 0 ? "MASTER_PORT" : "MASTER_ADDR", " is not: set both or neither");
  }
  return result;
}

LaunchEnvironment read_launch_environment() {
  return read_launch_environment([](const char* name) { return std::getenv(name); });
}

}  // namespace infoplane::distributed
