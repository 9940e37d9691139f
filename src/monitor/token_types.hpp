#pragma once

#include <ATen/core/Tensor.h>

#include <infoplane/labels/token_batch.hpp>

namespace infoplane {

/// What a tensor of a micro-batch is for.
enum class TokenRole { kTokens, kTargets, kMask, kDocuments, kPositions, kLabels };

/// How its values are read. @throws ShapeError where its dtype cannot be what it is for; the message looks at the
/// values and says what to write.
labels::IntegerView::Type integer_type(const at::Tensor& tensor, TokenRole role, const char* name);

/// On the CPU, in the dtype that integer_type said.
at::Tensor on_host(const at::Tensor& tensor, labels::IntegerView::Type type);

}  // namespace infoplane
