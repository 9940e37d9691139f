#pragma once

#include <cstdint>
#include <string>

namespace torchscript {

/// Writes a small language model as `torch.jit.script(model).save(path)` would in Python, so that the example needs
/// none. Its method `forward(tokens)` maps int64 [B, T] to logits [B, T, vocabulary]. Weights come from LibTorch's
/// generator.
void write_model(const std::string& path, std::int64_t vocabulary, std::int64_t context);

}  // namespace torchscript
