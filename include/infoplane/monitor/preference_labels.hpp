#pragma once

#include <ATen/core/Tensor.h>

namespace infoplane {

/// Labels of preference information, one for each position of a completion: 1 in completions that were preferred, 0 in
/// those that were rejected, −1 (no label) elsewhere, as in prompts and padding. For BatchDetails::labels:
///
///     BatchDetails().labels({{"preference", preference_labels(preferred, completion)}})
///
/// gives points `I(X;Z)/preference` with its null, corrected value and standard error: how much a layer says about
/// which completions people prefer.
///
/// `preferred` bool or integer [B], non-zero where the row's completion was preferred; `completion` bool or integer
/// [B, T], non-zero at the positions of the completion. Returns int64 [B, T] on the device of `completion`; waits for a
/// device only if the two are on different ones. With tokens of [T, B] give `completion.t()` and take `.t()` of the
/// result.
/// @throws ShapeError if the shapes are others, naming both, or a tensor is of floating point.
/// Source: Conklin et al., arXiv 2604.07569 (preference information).
at::Tensor preference_labels(const at::Tensor& preferred, const at::Tensor& completion);

}  // namespace infoplane
