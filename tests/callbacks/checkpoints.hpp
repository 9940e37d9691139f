#pragma once

#include <caffe2/serialize/inline_container.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include <infoplane/callbacks/best_checkpoint.hpp>
#include <map>
#include <string>

#include "core/places.hpp"

// Checkpoints to be damaged.
namespace checkpoints {

using Records = std::map<std::string, std::string>;

struct NetImpl : torch::nn::Module {
  NetImpl() : map(register_module("map", torch::nn::Linear(4, 3))) { count = register_buffer("count", at::zeros({1})); }
  torch::Tensor forward(const torch::Tensor& x) { return map(x); }
  torch::nn::Linear map;
  torch::Tensor count;
};
TORCH_MODULE(Net);

inline infoplane::EarlyStopping improved(std::int64_t step) {
  infoplane::EarlyStopping stopping(infoplane::EarlyStoppingOptions().monitor("loss").min_delta(0));
  stopping.update(step, {{"loss", 2}});
  return stopping;
}

inline void save(const std::string& path, torch::nn::Module& model, torch::optim::Optimizer* optimizer = nullptr) {
  infoplane::BestCheckpoint(path, model, optimizer).update(improved(10));
}

/// What an archive holds, by name.
inline Records records_of(const std::string& path) {
  caffe2::serialize::PyTorchStreamReader reader(path);
  Records records;
  for (const auto& name : reader.getAllRecords()) {
    const auto [bytes, size] = reader.getRecord(name);
    records[name] = std::string(static_cast<const char*>(bytes.get()), size);
  }
  return records;
}

/// An archive without a checksum, as everybody can make it.
inline void write(const std::string& path, const Records& records) {
  std::string bytes;
  {
    caffe2::serialize::PyTorchStreamWriter writer([&](const void* more, std::size_t size) {
      bytes.append(static_cast<const char*>(more), size);
      return size;
    });
    for (const auto& [name, content] : records) {
      if (name != ".data/serialization_id" && name != "version") {  // the writer adds its own
        writer.writeRecord(name, content.data(), content.size(), name.starts_with("code/"));
      }
    }
    writer.writeEndOfFile();
  }
  places::write(path, bytes);
}

}  // namespace checkpoints
