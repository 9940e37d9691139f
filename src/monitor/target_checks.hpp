#pragma once

#include <infoplane/labels/token_batch.hpp>

namespace infoplane {

/// Targets are the tokens that follow. Looks at no more positions than it takes to see that nothing is wrong: mostly
/// one.
/// @throws ArgumentError if they are the tokens themselves everywhere (unless `may_repeat`), or if they follow the
/// tokens along the axis of the sequences, because axes were exchanged; says what to write.
void check_targets(const labels::TokenBatch& batch, bool time_major, bool may_repeat);

}  // namespace infoplane
