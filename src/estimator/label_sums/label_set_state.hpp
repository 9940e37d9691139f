#pragma once

#include <cstdint>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <memory>

#include "estimator/label_sums/label_set.hpp"

namespace infoplane::estimator {

/// Of a set whose sums are on the host.
void save(const LabelSet& set, state::Writer& out);

/// A set as it was saved by this version of the layout, with a table of its own. @throws IoError if anything in it
/// cannot be.
std::unique_ptr<LabelSet> load_label_set(state::Reader& in, std::int64_t anchors, const SoftEntropyOptions& options,
                                         std::uint32_t sample_size, std::uint32_t version);

}  // namespace infoplane::estimator
