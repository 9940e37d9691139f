#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/tensor_board_sink.hpp>
#include <map>
#include <utility>
#include <vector>

#include "sinks/event_record.hpp"
#include "sinks/line_file.hpp"

namespace infoplane::sinks {
namespace {

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A split's name as that of a folder.
std::string folder_name(const std::string& split) {
  std::string name;
  for (const auto c : split) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || (c == '.' && !name.empty());
    name += plain ? c : '_';
  }
  return name.empty() ? "_" : name;
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  INFOPLANE_CHECK(!error, IoError, "cannot make the folder ", folder.string(), ": ", error.message(),
                  "; choose a path that this user may write");
}

/// A name that no other start has: TensorBoard reads all files of a folder, in the order of their names.
std::string file_name(const std::filesystem::path& folder) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) {
    host = {"localhost"};
  }
  const auto seconds = std::to_string(static_cast<std::int64_t>(wall_time()));
  const auto start = "events.out.tfevents." + seconds + "." + host.data() + "." + std::to_string(::getpid()) + ".";
  for (int i = 0;; ++i) {
    auto path = folder / (start + std::to_string(i));
    if (!std::filesystem::exists(path)) {
      return path.string();
    }
  }
}

}  // namespace

struct TensorBoardSink::Files {
  struct Split {
    std::unique_ptr<LineFile> file;
    bool begun = false;  // with the record that says what it is
  };

  std::filesystem::path folder;
  TensorBoardSinkOptions options;
  std::map<std::string, Split> splits = {};

  LineFile& of(const std::string& name) {
    auto& [file, begun] = splits[folder_name(name)];
    if (!file) {
      make_folder(folder / folder_name(name));
      file = std::make_unique<LineFile>(file_name(folder / folder_name(name)), "event file");
    }
    if (!begun) {
      file->append_bytes(version_record(wall_time()));
      begun = true;
    }
    return *file;
  }
};

TensorBoardSink::TensorBoardSink(const std::string& folder, TensorBoardSinkOptions options)
    : Sink("the TensorBoard sink " + folder), files_(std::make_unique<Files>(Files{folder, std::move(options)})) {}

TensorBoardSink::~TensorBoardSink() = default;
TensorBoardSink::TensorBoardSink(TensorBoardSink&& other) noexcept = default;

void TensorBoardSink::open_output() { make_folder(files_->folder); }

void TensorBoardSink::write_header(const runs::RunHeader& /*header*/) {}

void TensorBoardSink::write_point(const plane::Point& point) {
  std::vector<std::pair<std::string, double>> scalars = {{"loss", point.loss}};
  for (const auto& [key, value] : point.mean) {
    scalars.emplace_back("mean/" + key, value);
  }
  for (const auto& group : point.groups) {
    for (const auto& [key, value] : group.metrics) {
      scalars.emplace_back("mean of " + group.name + "/" + key, value);
    }
  }
  if (files_->options.layers()) {
    for (const auto& layer : point.layers) {
      for (const auto& [key, value] : layer.metrics) {
        scalars.emplace_back(layer.name + "/" + key, value);
      }
    }
  }
  files_->of(point.split).append_bytes(scalars_record(wall_time(), point.step, scalars));
}

void TensorBoardSink::close_output() {
  for (auto& [name, split] : files_->splits) {
    if (split.file) {
      split.file->close();
    }
  }
}

}  // namespace infoplane::sinks
