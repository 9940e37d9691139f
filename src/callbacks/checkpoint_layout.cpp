#include "callbacks/checkpoint_layout.hpp"

#include <infoplane/core/error.hpp>

namespace infoplane::callbacks {
namespace {

using torch::serialize::InputArchive;

using Layout = std::map<std::string, std::string>;

std::string description_of(const at::Tensor& tensor) {
  return tensor.defined() ? detail::concat(tensor.scalar_type(), ' ', tensor.sizes()) : "undefined";
}

Layout descriptions_of(const torch::nn::Module& model) {
  Layout layout;
  for (const auto& [name, tensor] : tensors_of(model)) {
    layout[name] = description_of(tensor);
  }
  return layout;
}

Layout from_text(const std::string& text) {
  Layout layout;
  for (std::size_t at = 0; at < text.size();) {
    const auto tab = text.find('\t', at);
    const auto end = text.find('\n', at);
    if (tab >= end || end == std::string::npos) {
      break;
    }
    layout[text.substr(at, tab - at)] = text.substr(tab + 1, end - tab - 1);
    at = end + 1;
  }
  return layout;
}

void compare(const std::string& path, const Layout& file, const Layout& model) {
  for (const auto& [name, shape] : model) {
    const auto found = file.find(name);
    INFOPLANE_CHECK(found != file.end(), ShapeError, "the checkpoint ", path, " has no ", name.substr(2),
                    ", which the model has");
    INFOPLANE_CHECK(found->second == shape, ShapeError, "the checkpoint ", path, " has ", name.substr(2), " as ",
                    found->second, ", the model as ", shape);
  }
  for (const auto& [name, shape] : file) {
    INFOPLANE_CHECK(model.contains(name), ShapeError, "the checkpoint ", path, " has ", name.substr(2),
                    ", which the model lacks");
  }
}

/// The tensor of such a name, where a module saves itself as modules do.
at::Tensor find(InputArchive& archive, const std::string& name) {
  const auto dot = name.find('.');
  at::Tensor tensor;
  if (dot == std::string::npos) {
    c10::IValue value;
    if (archive.try_read(name, value) && value.isTensor()) {
      tensor = value.toTensor();
    }
    return tensor;
  }
  InputArchive child;
  return archive.try_read(name.substr(0, dot), child) ? find(child, name.substr(dot + 1)) : tensor;
}

}  // namespace

std::map<std::string, at::Tensor> tensors_of(const torch::nn::Module& model) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& each : model.named_parameters()) {
    tensors.emplace("p " + each.key(), each.value());
  }
  for (const auto& each : model.named_buffers()) {
    tensors.emplace("b " + each.key(), each.value());
  }
  return tensors;
}

std::optional<c10::Device> device_of(const torch::nn::Module& model) {
  std::optional<c10::Device> device;
  for (const auto& [name, tensor] : tensors_of(model)) {
    if (tensor.defined() && device && *device != tensor.device()) {
      return std::nullopt;
    }
    device = tensor.defined() ? tensor.device() : device;
  }
  return device;
}

std::string layout_of(const torch::nn::Module& model) {
  std::string text;
  for (const auto& [name, shape] : descriptions_of(model)) {
    text += name + '\t' + shape + '\n';
  }
  return text;
}

void require_same_layout(const std::string& path, const std::string& layout, InputArchive& archive,
                         const torch::nn::Module& model) {
  const auto expected = descriptions_of(model);
  compare(path, from_text(layout), expected);
  for (const auto& [name, shape] : expected) {
    const auto tensor = find(archive, name.substr(2));
    const auto found = description_of(tensor);
    INFOPLANE_CHECK(!tensor.defined() || found == shape, ShapeError, "the checkpoint ", path, " has ", name.substr(2),
                    " as ", found, ", the model as ", shape);
  }
}

}  // namespace infoplane::callbacks
