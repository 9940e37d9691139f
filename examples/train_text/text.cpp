#include "text.hpp"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

namespace train_text {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kHeldoutShare = 10;
constexpr std::uint32_t kLlmcMagic = 20240520;
constexpr std::uint32_t kLlmcMagicUint32 = 20240801;
constexpr std::size_t kLlmcHeaderBytes = 256 * 4;

void append_file(const fs::path& file, std::vector<std::uint8_t>& bytes) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    throw TextError(fmt::format("cannot open {}", file.string()));
  }
  bytes.insert(bytes.end(), std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

std::vector<std::uint8_t> read_file(const fs::path& file) {
  if (!fs::exists(file)) {
    throw TextError(fmt::format("{} does not exist", file.string()));
  }
  if (fs::is_directory(file)) {
    throw TextError(fmt::format("{} is a folder, not a file", file.string()));
  }
  std::vector<std::uint8_t> bytes;
  append_file(file, bytes);
  if (bytes.empty()) {
    throw TextError(fmt::format("{} is empty", file.string()));
  }
  return bytes;
}

std::uint32_t little_endian(const std::vector<std::uint8_t>& bytes, std::size_t offset, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value |= static_cast<std::uint32_t>(bytes[offset + i]) << (8 * i);
  }
  return value;
}

// Where the tokens start; checks the header of llm.c where there is one.
std::size_t tokens_offset(const fs::path& file, const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < kLlmcHeaderBytes) {
    return 0;
  }
  const auto magic = little_endian(bytes, 0, 4);
  if (magic == kLlmcMagicUint32) {
    throw TextError(fmt::format("{} holds uint32 tokens (llm.c magic {}): write it as uint16", file.string(), magic));
  }
  if (magic != kLlmcMagic) {
    return 0;
  }
  const auto version = little_endian(bytes, 4, 4);
  if (version != 1) {
    throw TextError(fmt::format("{} has llm.c version {}: only version 1 is known", file.string(), version));
  }
  const auto promised = little_endian(bytes, 8, 4);
  const auto present = (bytes.size() - kLlmcHeaderBytes) / 2;
  if (promised != present) {
    throw TextError(fmt::format("{} promises {} tokens but holds {}", file.string(), promised, present));
  }
  return kLlmcHeaderBytes;
}

template <typename Tokens>
Text split_tail(std::string name, const Tokens& tokens, std::int64_t vocabulary) {
  const auto cut = tokens.end() - static_cast<std::ptrdiff_t>(tokens.size() / kHeldoutShare);
  return Text{std::move(name), {tokens.begin(), cut}, {cut, tokens.end()}, vocabulary};
}

// How many positions a row may start at.
std::int64_t row_starts(const std::vector<std::uint16_t>& tokens, std::int64_t context, const char* part) {
  const auto starts = static_cast<std::int64_t>(tokens.size()) - context;
  if (starts < 1) {
    throw TextError(fmt::format("the {} part of the text has {} tokens: one row of context {} needs {}", part,
                                tokens.size(), context, context + 1));
  }
  return starts;
}

// `start_of(row)` is where a row starts.
template <typename StartOf>
Batch make_batch(const std::vector<std::uint16_t>& tokens, std::int64_t rows, std::int64_t context, StartOf start_of) {
  Batch batch{at::empty({rows, context}, at::kLong), at::empty({rows, context}, at::kLong)};
  auto* inputs = batch.inputs.mutable_data_ptr<std::int64_t>();
  auto* targets = batch.targets.mutable_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto first = tokens.begin() + start_of(row);
    inputs = std::copy(first, first + context, inputs);
    targets = std::copy(first + 1, first + 1 + context, targets);
  }
  return batch;
}

}  // namespace

Text load_headers(const fs::path& include) {
  std::vector<fs::path> files;
  for (const char* folder : {"c10/core", "c10/util", "torch/csrc/api"}) {
    std::error_code missing;
    for (const auto& entry : fs::recursive_directory_iterator(include / folder, missing)) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  // Strings, not paths: those compare by component, and "api.h" would then move behind "api/…".
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.native() < b.native(); });
  std::vector<std::uint8_t> train, heldout;
  for (std::size_t i = 0; i < files.size(); ++i) {
    append_file(files[i], i % kHeldoutShare == kHeldoutShare - 1 ? heldout : train);
  }
  if (train.empty() || heldout.empty()) {
    throw TextError(fmt::format("{} does not hold the headers of LibTorch: pass --text FILE", include.string()));
  }
  return Text{fmt::format("{} C++ headers of LibTorch", files.size()),
              {train.begin(), train.end()},
              {heldout.begin(), heldout.end()},
              256};
}

Text load_own_headers() { return load_headers(INFOPLANE_DEMO_TEXT_DIR); }

Text load_bytes(const fs::path& file) { return split_tail(file.string(), read_file(file), 256); }

Text load_tokens(const fs::path& file, std::optional<std::int64_t> vocabulary) {
  const auto bytes = read_file(file);
  const auto offset = tokens_offset(file, bytes);
  if ((bytes.size() - offset) % 2 != 0) {
    throw TextError(fmt::format("{} has {} bytes: tokens of uint16 need an even number", file.string(), bytes.size()));
  }
  std::vector<std::uint16_t> tokens;
  tokens.reserve((bytes.size() - offset) / 2);
  for (auto at = offset; at < bytes.size(); at += 2) {
    tokens.push_back(static_cast<std::uint16_t>(little_endian(bytes, at, 2)));
  }
  if (tokens.empty()) {
    throw TextError(fmt::format("{} holds no tokens", file.string()));
  }
  const std::int64_t largest = *std::max_element(tokens.begin(), tokens.end());
  if (vocabulary && *vocabulary <= largest) {
    throw TextError(
        fmt::format("{} has token {}: a vocabulary of {} is too small", file.string(), largest, *vocabulary));
  }
  return split_tail(file.string(), tokens, vocabulary.value_or(largest + 1));
}

Text cut(Text text, std::int64_t tokens) {
  constexpr std::size_t kPieces = 16;
  const auto size = static_cast<std::size_t>(tokens);
  if (size >= text.train.size()) {
    return text;
  }
  std::vector<std::uint16_t> small;
  for (std::size_t i = 0; i < kPieces; ++i) {
    const auto from = text.train.begin() + static_cast<std::ptrdiff_t>(i * (text.train.size() / kPieces));
    small.insert(small.end(), from, from + static_cast<std::ptrdiff_t>(size / kPieces));
  }
  text.train = std::move(small);
  return text;
}

Batches::Batches(const std::vector<std::uint16_t>& tokens, std::int64_t rows, std::int64_t context, std::uint64_t seed)
    : tokens_(tokens), rows_(rows), context_(context), generator_(seed) {
  row_starts(tokens, context, "training");
}

Batch Batches::next() {
  // Not std::uniform_int_distribution: its results differ between standard libraries.
  const auto starts = static_cast<std::uint64_t>(row_starts(tokens_, context_, "training"));
  return make_batch(tokens_, rows_, context_,
                    [&](std::int64_t) { return static_cast<std::int64_t>(generator_() % starts); });
}

Batch even_rows(const std::vector<std::uint16_t>& tokens, std::int64_t rows, std::int64_t context) {
  const auto starts = row_starts(tokens, context, "held-out");
  const auto fitting = std::min(rows, (starts - 1) / context + 1);
  const auto stride = fitting > 1 ? (starts - 1) / (fitting - 1) : 0;
  return make_batch(tokens, fitting, context, [&](std::int64_t row) { return row * stride; });
}

}  // namespace train_text
