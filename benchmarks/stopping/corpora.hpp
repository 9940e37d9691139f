#pragma once

#include <string>

#include "text.hpp"

namespace stopping_study {

/// "headers": the C++ headers of LibTorch; "python": the modules torch.nn, torch.optim and torch.distributed beside
/// them. Bytes, every tenth file held out.
train_text::Text load_corpus(const std::string& name);

}  // namespace stopping_study
