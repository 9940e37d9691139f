#include <c10/util/Exception.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>
#include <torch/serialize/archive.h>
#include <unistd.h>

#include <cmath>
#include <exception>
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/core/error.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "callbacks/archive_check.hpp"
#include "callbacks/archive_file.hpp"
#include "callbacks/checkpoint_layout.hpp"
#include "callbacks/script_tensors.hpp"

namespace infoplane::callbacks {
namespace {

using torch::serialize::InputArchive;
using torch::serialize::OutputArchive;

/// What LibTorch says, without where in its sources.
std::string reason(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  return of_torch == nullptr ? error.what() : of_torch->what_without_backtrace();
}

/// Model and optimizer as they were. Unless they are kept, they become so again.
class Before {
 public:
  Before(torch::nn::Module& model, torch::optim::Optimizer* optimizer) : optimizer_(optimizer) {
    for (const auto& [name, tensor] : tensors_of(model)) {
      if (tensor.defined()) {
        tensors_.emplace_back(tensor, tensor.detach());
      }
    }
    if (optimizer_ != nullptr) {
      for (const auto& group : optimizer_->param_groups()) {
        options_.push_back(group.has_options() ? group.options().clone() : nullptr);
      }
      // LibTorch only adds to the state: parameters that had none when it was saved would keep a later one.
      state_ = std::move(optimizer_->state());
      optimizer_->state().clear();
    }
  }

  ~Before() {
    if (!kept_) {
      return;
    }
    for (auto& [tensor, before] : tensors_) {
      tensor.set_data(before);
    }
    if (optimizer_ != nullptr) {
      optimizer_->state() = std::move(state_);
      for (std::size_t i = 0; i < options_.size(); ++i) {
        optimizer_->param_groups()[i].set_options(std::move(options_[i]));
      }
    }
  }

  Before(const Before&) = delete;
  Before& operator=(const Before&) = delete;

  void forget() noexcept { kept_ = false; }

 private:
  torch::optim::Optimizer* optimizer_;
  std::vector<std::pair<at::Tensor, at::Tensor>> tensors_;
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> options_;
  std::decay_t<decltype(std::declval<torch::optim::Optimizer&>().state())> state_;
  bool kept_ = true;
};

/// What a file holds beside model and optimizer.
struct Loaded {
  InputArchive archive, model, optimizer;
  bool has_optimizer = false;
  std::string layout, stopping;
  std::int64_t step = -1;
};

/// @throws IoError, or one of LibTorch's, if it cannot be read, is damaged, or holds anything but data.
Loaded load_archive(const std::string& path, std::optional<c10::Device> device) {
  const ArchiveFile file(path);
  require_undamaged(file);
  require_data_only(file);
  Loaded loaded;
  loaded.archive.load_from(
      [&file](std::uint64_t at, void* into, std::size_t count) { return file.read(at, into, count); },
      [&file] { return static_cast<std::size_t>(file.size()); }, device);
  c10::IValue layout, step, stopping;
  loaded.archive.read("model", loaded.model);
  loaded.archive.read("layout", layout);
  loaded.archive.read("step", step);
  loaded.archive.read("stopping", stopping);
  loaded.has_optimizer = loaded.archive.try_read("optimizer", loaded.optimizer);
  loaded.layout = layout.toStringRef();
  loaded.step = step.toInt();
  loaded.stopping = stopping.toStringRef();
  return loaded;
}

}  // namespace

BestCheckpoint::BestCheckpoint(std::string path, torch::nn::Module& model, torch::optim::Optimizer* optimizer)
    : path_(std::move(path)),
      model_([&model] { return std::shared_ptr<torch::nn::Module>(std::shared_ptr<void>(), &model); }),
      optimizer_(optimizer) {
  INFOPLANE_CHECK(!path_.empty(), ArgumentError, "BestCheckpoint needs the path of a file");
}

BestCheckpoint::BestCheckpoint(std::string path, const torch::jit::Module& model, torch::optim::Optimizer* optimizer)
    : path_(std::move(path)), model_([model] { return module_of(model); }), optimizer_(optimizer) {
  INFOPLANE_CHECK(!path_.empty(), ArgumentError, "BestCheckpoint needs the path of a file");
  INFOPLANE_CHECK(!model_()->parameters().empty(), ArgumentError,
                  "BestCheckpoint has nothing to keep: the TorchScript module ", model.type()->name()->qualifiedName(),
                  " has no parameters. torch::jit::freeze and optimize_for_inference make them constants of its code: "
                  "keep the module that is trained, and freeze a copy of it, torch::jit::freeze(module.deepcopy())");
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
  const auto model_now = model_();
  try {
    ArchiveOutput output(path_);
    OutputArchive archive;
    OutputArchive model(archive.compilation_unit());
    model_now->save(model);
    archive.write("model", model);
    archive.write("layout", c10::IValue(layout_of(*model_now)));
    if (optimizer_ != nullptr) {
      OutputArchive optimizer(archive.compilation_unit());
      optimizer_->save(optimizer);
      archive.write("optimizer", optimizer);
    }
    archive.write("step", c10::IValue(stopping.best_step()));
    archive.write("stopping", c10::IValue(stopping.save_state()));
    archive.save_to([&](const void* bytes, std::size_t size) { return output.take(bytes, size); });
    output.finish();
    if (output.readable() >= 0) {
      require_data_only(ArchiveFile(output.readable()));  // else it could never be restored
    }
    output.commit();
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
  INFOPLANE_CHECK(
      ::access(path_.c_str(), F_OK) == 0, IoError, "the checkpoint ", path_,
      " cannot be read: nothing is there. BestCheckpoint::update saves once the rule has a best step, where "
      "saves() is true");
  const auto model = model_();
  Loaded loaded;
  try {
    loaded = load_archive(path_, device_of(*model));
  } catch (const std::exception& error) {
    INFOPLANE_THROW(IoError, "the checkpoint ", path_, " cannot be read: ", reason(error));
  }
  INFOPLANE_CHECK(optimizer_ == nullptr || loaded.has_optimizer, IoError, "the checkpoint ", path_,
                  " was saved without an optimizer");
  require_same_layout(path_, loaded.layout, loaded.model, *model);
  std::optional<EarlyStopping> rule;
  if (stopping != nullptr) {
    rule = *stopping;
    rule->load_state(loaded.stopping);
  }
  Before before(*model, optimizer_);
  if (optimizer_ != nullptr) {
    try {
      optimizer_->load(loaded.optimizer);
    } catch (const std::exception& error) {
      INFOPLANE_THROW(IoError, "the checkpoint ", path_, " is of another optimizer: ", reason(error));
    }
  }
  try {
    model->load(loaded.model);
  } catch (const std::exception& error) {
    INFOPLANE_THROW(IoError, "the checkpoint ", path_, " cannot be loaded into the model: ", reason(error));
  }
  before.forget();
  value_ = loaded.step == step_ ? value_ : std::numeric_limits<double>::quiet_NaN();
  if (stopping != nullptr) {
    *stopping = *std::move(rule);
    value_ = stopping->best_value();
  }
  step_ = loaded.step;
  return step_;
}

}  // namespace infoplane::callbacks
