#include "monitor/rank_steps.hpp"

#include <ATen/ATen.h>

#include <chrono>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <thread>

namespace infoplane::test {

at::Tensor tokens_of(std::int64_t step) { return (at::arange(48) * (step + 5)).remainder(7).view({4, 12}); }

at::Tensor activations_of(const at::Tensor& tokens, double shift) {
  return ((tokens.to(at::kFloat).unsqueeze(-1) + 1) * (at::arange(8) + 1) * 0.37 + shift).sin();
}

std::optional<plane::Point> step_of(Monitor& monitor, std::int64_t step, double loss, double shift) {
  const at::Tensor tokens = tokens_of(step);
  {
    const auto observation = monitor.observe(step, tokens);
    tap("blocks.0", activations_of(tokens, shift));
    tap("blocks.1", activations_of(tokens, 2 * shift));
  }
  return monitor.end_step(step, loss);
}

std::string stop_on(const std::string& metric, const std::shared_ptr<distributed::Communicator>& communicator) {
  const int rank = communicator->rank();
  Monitor monitor(MonitorOptions().every(1), communicator);
  EarlyStopping stopping(EarlyStoppingOptions().split("train").monitor(metric).mode(callbacks::Mode::kMin).patience(3));
  for (std::int64_t step = 0; step < 60; ++step) {
    std::this_thread::sleep_for(std::chrono::milliseconds(rank));
    const double mean = step < 8 ? 1.0 - 0.1 * static_cast<double>(step) : 0.3;
    const double mine = mean + 0.3 * std::sin(static_cast<double>(step * (rank + 1)));
    const auto point = step_of(monitor, step, mine, 0.1 * rank + (step < 8 ? 0.2 * static_cast<double>(step) : 2));
    if (stopping.update(*point, monitor.mean_over_ranks({{"validation_loss", mine}}))) {
      break;
    }
  }
  return detail::concat("stopped at step ", stopping.stopped_step(), ": ", stopping.message(), "; ",
                        stopping.save_state());
}

}  // namespace infoplane::test
