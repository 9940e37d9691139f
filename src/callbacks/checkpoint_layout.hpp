#pragma once

#include <torch/nn/module.h>
#include <torch/serialize/input-archive.h>

#include <map>
#include <optional>
#include <string>

namespace infoplane::callbacks {

/// Tensors of a model by name, "p " before a parameter's and "b " before a buffer's.
std::map<std::string, at::Tensor> tensors_of(const torch::nn::Module& model);

/// The one device that the model is on; none where there are several.
std::optional<c10::Device> device_of(const torch::nn::Module& model);

/// What must agree between a checkpoint and a model, a line a tensor; the same under every locale.
std::string layout_of(const torch::nn::Module& model);

/// @throws ShapeError, naming the first difference, unless the layout in the file, and the tensors that came with it,
/// are the model's.
void require_same_layout(const std::string& path, const std::string& layout, torch::serialize::InputArchive& archive,
                         const torch::nn::Module& model);

}  // namespace infoplane::callbacks
