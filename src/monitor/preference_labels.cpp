#include <ATen/core/Tensor.h>
#include <ATen/ops/where.h>

#include <infoplane/core/error.hpp>
#include <infoplane/monitor/preference_labels.hpp>

namespace infoplane {
namespace {

void require_integers(const at::Tensor& tensor, const char* what, std::int64_t axes, const char* shape) {
  INFOPLANE_CHECK(tensor.defined(), ShapeError, "preference_labels: ", what, " must be a tensor, got an undefined one");
  INFOPLANE_CHECK(tensor.dim() == axes, ShapeError, "preference_labels: ", what, " must be ", shape, ", got [",
                  detail::join(tensor.sizes()), "]");
  INFOPLANE_CHECK(!tensor.is_floating_point() && !tensor.is_complex(), ShapeError, "preference_labels: ", what,
                  " must be bool or of integers, got ", c10::toString(tensor.scalar_type()));
}

}  // namespace

at::Tensor preference_labels(const at::Tensor& preferred, const at::Tensor& completion) {
  require_integers(preferred, "preferred", 1, "[B]");
  require_integers(completion, "completion", 2, "[B, T]");
  INFOPLANE_CHECK(preferred.size(0) == completion.size(0), ShapeError, "preference_labels: preferred has ",
                  preferred.size(0), " rows and completion ", completion.size(0), ": give one preference a row");
  const auto labels = preferred.to(completion.device()).ne(0).to(at::kLong).unsqueeze(1);
  return at::where(completion.ne(0), labels, -1);
}

}  // namespace infoplane
