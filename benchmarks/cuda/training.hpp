#pragma once

namespace infoplane::benchmarks {

/// Prints what a step of a GPT costs under bfloat16 autocast, watched at every step with four label sets and unwatched.
/// False, and nothing is timed, where the watched losses are others.
bool time_training();

}  // namespace infoplane::benchmarks
