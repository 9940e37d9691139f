#include "hooks/centred.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/all.h>
#include <ATen/ops/sum.h>
#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace infoplane::hooks::detail {

bool is_centred(const at::Tensor& stream) {
  if (stream.numel() == 0 || stream.size(-1) < 2) {
    return false;
  }
  const at::DisableRecordFunctionGuard unobserved;
  const at::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto rows = stream.detach().to(stream.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const double tolerance = stream.element_size() < 4 ? 1e-2 : 1e-3;  // of the rounding of the values
  return rows.sum(-1).abs().le(rows.abs().sum(-1).mul(tolerance)).all().item().toBool();
}

}  // namespace infoplane::hooks::detail
