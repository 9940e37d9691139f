#pragma once

#include <torch/nn/module.h>

#include <infoplane/distributed/communicator.hpp>
#include <memory>
#include <string>

#include "text.hpp"

namespace train_text {

/// The processes that train one model together, each on its own rows of every batch.
class Ranks {
 public:
  /// Those that a launcher has started (torchrun, mpirun, srun, or the same variables by hand), or this process alone.
  /// Collective. @throws what `infoplane::distributed::from_environment` throws.
  static Ranks launched();
  explicit Ranks(std::shared_ptr<infoplane::distributed::Communicator> communicator, int local_rank = 0);

  int rank() const noexcept { return communicator_->rank(); }
  int size() const noexcept { return communicator_->size(); }
  bool first() const noexcept { return rank() == 0; }
  const std::shared_ptr<infoplane::distributed::Communicator>& communicator() const noexcept { return communicator_; }

  /// "cuda" becomes the GPU of this process on its node.
  std::string device(const std::string& name) const;

  /// This rank's rows of a batch that every rank has; as many for each, the rest is left out.
  Batch rows_of(const Batch& batch) const;

  /// Replaces the gradients by their means over the ranks. `signal`: SIGINT, SIGTERM, or 0. Returns the signal that a
  /// rank has got, or 0: the same on all of them, so that they end at the same step. Collective.
  int average_gradients(const torch::nn::Module& model, int signal);

 private:
  std::shared_ptr<infoplane::distributed::Communicator> communicator_;
  int local_rank_;
};

}  // namespace train_text
