#include <c10/util/Exception.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>
#include <torch/serialize/archive.h>
#include <unistd.h>

#include <cmath>
#include <exception>
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/core/error.hpp>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/whole_file.hpp"

namespace infoplane::callbacks {
namespace {

using torch::serialize::InputArchive;
using torch::serialize::OutputArchive;

/// Tensors of a model by name, "p " before a parameter's and "b " before a buffer's.
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

/// What must agree between the file and the model, a line a tensor.
std::map<std::string, std::string> layout_of(const torch::nn::Module& model) {
  std::map<std::string, std::string> layout;
  for (const auto& [name, tensor] : tensors_of(model)) {
    layout[name] = tensor.defined() ? detail::concat(tensor.scalar_type(), ' ', tensor.sizes()) : "undefined";
  }
  return layout;
}

c10::IValue to_value(const std::map<std::string, std::string>& layout) {
  std::string text;
  for (const auto& [name, shape] : layout) {
    text += name + '\t' + shape + '\n';
  }
  return text;
}

std::map<std::string, std::string> from_text(const std::string& text) {
  std::map<std::string, std::string> layout;
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

void compare(const std::string& path, const std::map<std::string, std::string>& file,
             const std::map<std::string, std::string>& model) {
  for (const auto& [name, shape] : model) {
    const auto found = file.find(name);
    INFOPLANE_CHECK(found != file.end(), ShapeError, "the checkpoint ", path, " has no ", name.substr(2),
                    ", which the model has");
    INFOPLANE_CHECK(found->second == shape, ShapeError, "the checkpoint ", path, " has ", name.substr(2), " as ",
                    found->second, ", the model as ", shape);
  }
  for (const auto& [name, shape] : file) {
    INFOPLANE_CHECK(model.count(name) != 0, ShapeError, "the checkpoint ", path, " has ", name.substr(2),
                    ", which the model lacks");
  }
}

/// The one device that the model is on; none where there are several.
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

/// What LibTorch says, without where in its sources.
std::string reason(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  return of_torch == nullptr ? error.what() : of_torch->what_without_backtrace();
}

/// Takes the bytes of an archive. LibTorch's writer ends the process where writing fails, so a failure is kept until it
/// is done.
class Output {
 public:
  explicit Output(const std::string& path) : file_(path, FileKind::kArchive) {}

  void write(OutputArchive& archive) {
    archive.save_to([this](const void* bytes, std::size_t size) { return take(bytes, size); });
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    constexpr bool kDurable = true;
    file_.commit(kDurable);
  }

 private:
  std::size_t take(const void* bytes, std::size_t size) noexcept {
    try {
      if (!failure_) {
        file_.append({static_cast<const char*>(bytes), size});
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
    return size;
  }

  WholeFile file_;
  std::exception_ptr failure_;
};

/// Loads the optimizer so that it ends as it was saved or, where that throws, as it was.
void load_optimizer(torch::optim::Optimizer& optimizer, InputArchive& archive) {
  auto& groups = optimizer.param_groups();
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> options;
  for (const auto& group : groups) {
    options.push_back(group.has_options() ? group.options().clone() : nullptr);
  }
  // LibTorch only adds to the state: parameters that had none when it was saved would keep a later one.
  auto state = std::move(optimizer.state());
  optimizer.state().clear();
  try {
    optimizer.load(archive);
  } catch (...) {
    optimizer.state() = std::move(state);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      groups[i].set_options(std::move(options[i]));
    }
    throw;
  }
}

}  // namespace

BestCheckpoint::BestCheckpoint(std::string path, torch::nn::Module& model, torch::optim::Optimizer* optimizer)
    : path_(std::move(path)), model_(&model), optimizer_(optimizer) {
  INFOPLANE_CHECK(!path_.empty(), ArgumentError, "BestCheckpoint needs the path of a file");
}

BestCheckpoint& BestCheckpoint::saves(bool value) noexcept {
  saves_ = value;
  return *this;
}

bool BestCheckpoint::update(const EarlyStopping& stopping) {
  const bool moved = stopping.best_step() != step_ || (!std::isnan(value_) && stopping.best_value() != value_);
  if (!saves_ || stopping.improvements() == 0 || !moved) {
    return false;
  }
  try {
    Output output(path_);
    OutputArchive archive;
    OutputArchive model(archive.compilation_unit());
    model_->save(model);
    archive.write("model", model);
    archive.write("layout", to_value(layout_of(*model_)));
    if (optimizer_ != nullptr) {
      OutputArchive optimizer(archive.compilation_unit());
      optimizer_->save(optimizer);
      archive.write("optimizer", optimizer);
    }
    archive.write("step", c10::IValue(stopping.best_step()));
    archive.write("stopping", c10::IValue(stopping.save_state()));
    output.write(archive);
  } catch (const std::exception& error) {
    INFOPLANE_THROW(IoError, "the checkpoint ", path_, " of step ", stopping.best_step(),
                    " cannot be written: ", reason(error));
  }
  step_ = stopping.best_step();
  value_ = stopping.best_value();
  return true;
}

std::int64_t BestCheckpoint::restore() { return load(nullptr); }

std::int64_t BestCheckpoint::restore(EarlyStopping& stopping) { return load(&stopping); }

std::int64_t BestCheckpoint::load(EarlyStopping* stopping) {
  InputArchive archive;
  InputArchive model;
  InputArchive optimizer;
  c10::IValue layout;
  c10::IValue step;
  c10::IValue state;
  INFOPLANE_CHECK(
      ::access(path_.c_str(), F_OK) == 0, IoError, "the checkpoint ", path_,
      " cannot be read: nothing is there. BestCheckpoint::update saves once the rule has a best step, where "
      "saves() is true");
  try {
    archive.load_from(path_, device_of(*model_));
    archive.read("model", model);
    archive.read("layout", layout);
    archive.read("step", step);
    archive.read("stopping", state);
  } catch (const std::exception& error) {
    INFOPLANE_THROW(IoError, "the checkpoint ", path_, " cannot be read: ", reason(error));
  }
  INFOPLANE_CHECK(optimizer_ == nullptr || archive.try_read("optimizer", optimizer), IoError, "the checkpoint ", path_,
                  " was saved without an optimizer");
  compare(path_, from_text(layout.toStringRef()), layout_of(*model_));
  std::optional<EarlyStopping> rule;
  if (stopping != nullptr) {
    rule = *stopping;
    rule->load_state(state.toStringRef());
  }
  if (optimizer_ != nullptr) {
    try {
      load_optimizer(*optimizer_, optimizer);
    } catch (const std::exception& error) {
      INFOPLANE_THROW(IoError, "the checkpoint ", path_, " is of another optimizer: ", reason(error));
    }
  }
  try {
    model_->load(model);
  } catch (const std::exception& error) {
    INFOPLANE_THROW(IoError, "the checkpoint ", path_, " cannot be loaded into the model: ", reason(error));
  }
  value_ = step.toInt() == step_ ? value_ : std::numeric_limits<double>::quiet_NaN();
  if (stopping != nullptr) {
    *stopping = *std::move(rule);
    value_ = stopping->best_value();
  }
  step_ = step.toInt();
  return step_;
}

}  // namespace infoplane::callbacks
