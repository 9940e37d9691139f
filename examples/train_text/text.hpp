#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace train_text {

/// A file or folder cannot be read, or does not hold enough to train on.
class TextError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Tokens to train on and tokens that are held out.
struct Text {
  std::string name;  ///< what it was read from
  std::vector<std::uint16_t> train, heldout;
  std::int64_t vocabulary = 0;  ///< every token is below it
};

/// The bytes of the C++ headers in c10/core, c10/util and torch/csrc/api below `include`, in the order of their paths;
/// every tenth file is held out.
/// @throws TextError if there are none.
Text load_headers(const std::filesystem::path& include);

/// The headers of the LibTorch that this program was built with.
Text load_own_headers();

/// The bytes of a file; the last tenth is held out.
/// @throws TextError if it is missing, no file, or empty.
Text load_bytes(const std::filesystem::path& file);

/// Tokens as nanoGPT writes them (uint16, little endian) or llm.c (the same behind 256 int32: magic 20240520, version
/// 1, number of tokens); the last tenth is held out.
/// @param vocabulary size; by default the largest token plus one
/// @throws TextError if the file is missing, empty, cut short, of another llm.c version, or has a token outside the
///   vocabulary.
Text load_tokens(const std::filesystem::path& file, std::optional<std::int64_t> vocabulary = std::nullopt);

/// About `tokens` tokens of the training part: 16 pieces spread evenly over it, so that a small text has the same
/// mixture as a large one. What is held out stays whole.
Text cut(Text text, std::int64_t tokens);

/// Rows of tokens, both int64 [B, T] on the CPU; the target is the token that follows.
struct Batch {
  at::Tensor inputs, targets;
};

/// Endless random rows of a text, from a generator of its own.
class Batches {
 public:
  /// Borrows `tokens`.
  /// @throws TextError if there are fewer than `context` + 1 tokens.
  Batches(const std::vector<std::uint16_t>& tokens, std::int64_t rows, std::int64_t context, std::uint64_t seed);

  Batch next();

 private:
  const std::vector<std::uint16_t>& tokens_;
  std::int64_t rows_, context_;
  std::mt19937_64 generator_;
};

/// Up to `rows` rows spread evenly over the tokens, none overlapping another; always the same.
/// @throws TextError if there are fewer than `context` + 1 tokens.
Batch even_rows(const std::vector<std::uint16_t>& tokens, std::int64_t rows, std::int64_t context);

}  // namespace train_text
