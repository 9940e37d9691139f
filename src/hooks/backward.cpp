#include "hooks/backward.hpp"

#include <torch/csrc/autograd/graph_task.h>

namespace infoplane::hooks::detail {

bool in_backward() noexcept { return torch::autograd::get_current_graph_task_id() != -1; }

}  // namespace infoplane::hooks::detail
