#pragma once

#include <cstdint>
#include <functional>
#include <infoplane/callbacks/early_stopping.hpp>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace torch::nn {
class Module;
}
namespace torch::jit {
struct Module;
}
namespace torch::optim {
class Optimizer;
}

namespace infoplane::callbacks {

/// Keeps the best model of a run in one file: parameters, buffers and, if given, the optimizer's state, with the step
/// and the state of the stopping rule. Borrows model and optimizer; they must outlive it.
///
/// The file is replaced as a whole or not at all: a killed process leaves the one before. It is an archive of LibTorch
/// with a checksum over all bytes, and is looked into before LibTorch's loader, which trusts what it is given, sees it.
/// docs/files.md says what both guarantee, and what happens to what stands at the path. Of several ranks one saves
/// (`.saves(rank == 0)`), all restore. Waits for the model's device.
class BestCheckpoint {
 public:
  /// `path`: of the file. Without an optimizer only the model is kept.
  BestCheckpoint(std::string path, torch::nn::Module& model, torch::optim::Optimizer* optimizer = nullptr);
  /// The same for a holder (`TORCH_MODULE`) or a `shared_ptr`.
  template <typename Holder, typename = decltype(static_cast<torch::nn::Module&>(*std::declval<Holder&>()))>
  BestCheckpoint(std::string path, Holder& model, torch::optim::Optimizer* optimizer = nullptr)
      : BestCheckpoint(std::move(path), static_cast<torch::nn::Module&>(*model), optimizer) {}
  /// The same for a TorchScript module, of whose handle a copy is held: keeps its parameters and buffers under their
  /// names, and restores them into the tensors that they are. Code, other attributes and classes are not kept.
  /// @throws ArgumentError if it has no parameters, as after torch::jit::freeze.
  BestCheckpoint(std::string path, const torch::jit::Module& model, torch::optim::Optimizer* optimizer = nullptr);

  /// Whether this process writes the file; true by default.
  BestCheckpoint& saves(bool value) noexcept;

  /// To be called after EarlyStopping::update: saves if best_step() has moved since this object last saved or restored,
  /// however often the rule was updated in between. Returns whether it saved. What is saved is the model as it is now.
  /// A best step that the rule brought along from load_state is not saved again: the model has moved on since.
  /// @throws IoError if the file cannot be written, holds another kind of this library's files, or could not be
  /// restored (sparse or quantized tensors, objects); the one before is still there then.
  bool update(const EarlyStopping& stopping);

  /// Loads the file into model and optimizer, on the devices they are on, and returns its step. A parameter or buffer
  /// that is missing or has another shape, and an optimizer of another kind or other groups, is found before anything
  /// changes.
  /// @throws IoError if nothing was saved yet, if the file cannot be read, is damaged, carries code or anything else
  /// than data, or was saved without an optimizer, or with another, where one is given.
  /// @throws ShapeError if it is of another model, naming the first difference.
  std::int64_t restore();
  /// As restore(), and sets the rule back to where it stood then: for going on from the best step.
  /// @throws ArgumentError if the rule has other criteria.
  std::int64_t restore(EarlyStopping& stopping);

  /// The file that it writes.
  const std::string& path() const noexcept { return path_; }
  /// Step last saved or restored by this object; −1 before.
  std::int64_t step() const noexcept { return step_; }

 private:
  std::int64_t load(EarlyStopping* stopping);

  std::string path_;
  std::function<std::shared_ptr<torch::nn::Module>()> model_;
  torch::optim::Optimizer* optimizer_;
  bool saves_ = true;
  std::int64_t step_ = -1;
  double value_ = std::numeric_limits<double>::quiet_NaN();  // best_value() then; NaN where not known
};

}  // namespace infoplane::callbacks

namespace infoplane {
using callbacks::BestCheckpoint;
}  // namespace infoplane
