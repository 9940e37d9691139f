#include "activation_files.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace infoplane::simulation {
namespace {

at::Tensor read_table(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string head(10, '\0');
  in.read(head.data(), 10);
  std::string text(in ? static_cast<unsigned char>(head[8]) + 256U * static_cast<unsigned char>(head[9]) : 0U, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  long long rows = 0, length = 1;
  const bool ints = text.find("'<i4'") != std::string::npos;
  const auto shape = text.find("'shape'");
  if (!in || (!ints && text.find("'<i8'") == std::string::npos) || shape == std::string::npos ||
      std::sscanf(text.c_str() + shape, "'shape': (%lld, %lld)", &rows, &length) < 1) {
    throw std::runtime_error(path + " is no table of integers as NumPy saves it");
  }
  at::Tensor tokens = at::empty({rows, length}, ints ? at::kInt : at::kLong);
  in.read(static_cast<char*>(tokens.data_ptr()), rows * length * tokens.element_size());
  if (!in) {
    throw std::runtime_error(path + " ends too early");
  }
  return tokens.to(at::kLong);
}

at::Tensor read_plain(const std::string& path, std::int64_t length) {
  const auto count = static_cast<std::int64_t>(std::filesystem::file_size(path)) / 4 / length * length;
  at::Tensor tokens = at::empty({count / length, length}, at::kInt);
  std::ifstream in(path, std::ios::binary);
  in.read(static_cast<char*>(tokens.data_ptr()), count * 4);
  if (!in || count == 0) {
    throw std::runtime_error(path + " holds no sequence of " + std::to_string(length) + " tokens");
  }
  return tokens.to(at::kLong);
}

}  // namespace

at::Tensor read_tokens(const std::string& path, std::int64_t length) {
  return length > 0 && !path.ends_with(".npy") ? read_plain(path, length) : read_table(path);
}

std::vector<std::filesystem::path> activation_files(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(folder + "/act")) {
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/act")) {
      if (entry.path().extension() == ".f32") {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

estimator::NamedLabelTensors labels_of(const at::Tensor& tokens) {
  const auto shifted = [&tokens](std::int64_t by) {
    at::Tensor result = at::full_like(tokens, -1);
    const std::int64_t length = tokens.size(1), kept = length - std::abs(by);
    result.slice(1, std::max<std::int64_t>(0, -by), std::max<std::int64_t>(0, -by) + kept)
        .copy_(tokens.slice(1, std::max<std::int64_t>(0, by), std::max<std::int64_t>(0, by) + kept));
    return result;
  };
  const auto pair = [](const at::Tensor& first, const at::Tensor& second) {
    return at::where(first.lt(0).logical_or(second.lt(0)), at::full_like(first, -1), first * (1 << 20) + second);
  };
  return {{"input_unigram", tokens},
          {"output_unigram", shifted(1)},
          {"input_bigram", pair(shifted(-1), tokens)},
          {"output_bigram", pair(shifted(1), shifted(2))}};
}

LayerFile::LayerFile(const std::filesystem::path& path, const at::Tensor& tokens)
    : path_(path.string()), in_(path, std::ios::binary), length_(tokens.size(1)) {
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  d_ = bytes / 4 / tokens.numel();
  if (d_ < 2 || d_ * 4 * tokens.numel() != bytes) {
    throw std::runtime_error(path_ + " is not one row for each token");
  }
}

at::Tensor LayerFile::rows(std::int64_t first, std::int64_t count) {
  at::Tensor z = at::empty({count, length_, d_});
  in_.seekg(first * length_ * d_ * 4);
  in_.read(static_cast<char*>(z.data_ptr()), z.numel() * 4);
  if (!in_) {
    throw std::runtime_error(path_ + " ends too early");
  }
  return z;
}

}  // namespace infoplane::simulation
