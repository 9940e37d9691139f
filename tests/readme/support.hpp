#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <utility>

namespace infoplane::test {

/// What the blocks of the pages are given to train on.
struct Batches {
  std::pair<at::Tensor, at::Tensor> next() {
    const auto tokens = at::randint(11, {4, 9}, at::kLong);
    return {tokens.slice(1, 0, 8), tokens.slice(1, 1)};
  }
};

inline at::Tensor criterion(const at::Tensor& logits, const at::Tensor& targets) {
  return at::cross_entropy_loss(logits.flatten(0, 1), targets.flatten());
}

/// An empty folder that is the current one as long as this lives.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::filesystem::current_path(folder_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
    std::filesystem::remove_all(folder_, ignored);
  }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / "infoplane-readme-test";
};

}  // namespace infoplane::test
