#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DispatchKeySet.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/labels/grouping.hpp>
#include <string>
#include <vector>

namespace infoplane::estimator {

/// While it lives, ATen operators of this thread record no gradient and keep their dtype under autocast.
class PlainArithmetic {
 private:
  at::NoGradGuard no_grad_;
  c10::impl::ExcludeDispatchKeyGuard no_autocast_{c10::autocast_dispatch_keyset};
};

/// Plain integer labels of one set, one for each row.
struct IntegerLabels {
  std::string name;
  std::vector<std::int64_t> values;
};

/// "[8, 128, 768] (float32)" for messages.
std::string describe(const at::Tensor& tensor);

/// The checks that `SoftEntropyAccumulator::update` documents.
void check_representations(const at::Tensor& z, std::int64_t d);

/// z without its graph, after the checks that `SoftEntropyAccumulator::update` documents.
at::Tensor checked_representations(const at::Tensor& z, std::int64_t d);

/// Rows of checked representations: N, or B · T.
std::int64_t row_count(const at::Tensor& z);

/// Throws unless the grouping is one of z's rows and consistent in itself.
void check_grouping(const labels::Grouping& grouping, const at::Tensor& z);

/// int64 [N] on the device of the labels, after those checks; `subject` begins their messages: "the labels".
at::Tensor checked_label_tensor(const std::string& subject, const at::Tensor& labels, const at::Tensor& z);

/// Label tensors on the host, after the checks that `SoftEntropyAccumulator::update` documents.
std::vector<IntegerLabels> checked_labels(const NamedLabelTensors& labels, const at::Tensor& z);

}  // namespace infoplane::estimator
