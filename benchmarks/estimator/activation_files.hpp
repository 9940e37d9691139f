#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <infoplane/estimator/accumulator.hpp>
#include <string>
#include <vector>

namespace infoplane::simulation {

/// int64 [sequences, length] from a table of NumPy's, of int32 or int64 in the order of C; or from plain int32 values,
/// which are sequences of `length`. @throws std::runtime_error where the file is neither.
at::Tensor read_tokens(const std::string& path, std::int64_t length = 0);

/// The files `folder/act/<layer>.f32`, in order of names; empty where there is no such folder.
std::vector<std::filesystem::path> activation_files(const std::string& folder);

/// Unigrams and bigrams on both sides; −1 where there is none.
estimator::NamedLabelTensors labels_of(const at::Tensor& tokens);

/// A file of float32 rows, little endian, one for each token, sequence by sequence.
class LayerFile {
 public:
  /// @throws std::runtime_error where the file is not of these tokens.
  LayerFile(const std::filesystem::path& path, const at::Tensor& tokens);
  /// float32 [count, length, d] of the sequences from `first` on.
  at::Tensor rows(std::int64_t first, std::int64_t count);
  std::int64_t dimension() const noexcept { return d_; }

 private:
  std::string path_;
  std::ifstream in_;
  std::int64_t length_;
  std::int64_t d_ = 0;
};

}  // namespace infoplane::simulation
