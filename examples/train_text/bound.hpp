#pragma once

#include <infoplane/bound/ib_curve.hpp>
#include <optional>

#include "text.hpp"

namespace train_text {

/// The Information Bottleneck curve of the pairs (token, next token) of what is trained on; about a second for bytes.
/// None where there are so many different pairs that solving would take minutes: then solve it once, beforehand, and
/// load the file.
std::optional<infoplane::bound::IbCurve> solve_bound(const Text& text);

}  // namespace train_text
