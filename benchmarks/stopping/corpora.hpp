#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text.hpp"

namespace stopping_study {

/// "headers": the C++ headers of LibTorch; "python": the modules torch.nn, torch.optim and torch.distributed beside
/// them. Bytes, every tenth file held out.
train_text::Text load_corpus(const std::string& name);

/// About `bytes` bytes of the training part: 16 pieces spread evenly over it, so that a small text has the same mixture
/// as a large one. What is held out stays whole.
train_text::Text cut(const train_text::Text& text, std::int64_t bytes);

}  // namespace stopping_study
