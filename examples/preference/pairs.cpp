#include "pairs.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "text.hpp"

namespace preference {
namespace {

constexpr std::int64_t kPrompt = 16;
constexpr std::int64_t kShortest = 24;
constexpr std::int64_t kLongest = 48;

}  // namespace

Pairs draw_pairs(const std::vector<std::uint16_t>& text, std::int64_t pairs, std::mt19937_64& generator) {
  const auto row = kPrompt + kLongest;
  if (static_cast<std::int64_t>(text.size()) < row) {
    throw train_text::TextError("the text has " + std::to_string(text.size()) + " bytes, a pair needs " +
                                std::to_string(row));
  }
  auto tokens = at::zeros({2 * pairs, row}, at::kLong);
  auto completion = at::zeros({2 * pairs, row}, at::kBool);
  auto counts = at::zeros({2 * pairs, row}, at::kBool);
  std::uniform_int_distribution<std::size_t> starts(0, text.size() - static_cast<std::size_t>(row));
  std::uniform_int_distribution<std::int64_t> lengths(kShortest, kLongest);
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const auto from = text.begin() + static_cast<std::ptrdiff_t>(starts(generator));
    const auto end = kPrompt + lengths(generator);
    std::vector<std::int64_t> bytes(from, from + end);
    for (const auto at : {pair, pairs + pair}) {
      std::copy(bytes.begin(), bytes.end(), tokens[at].data_ptr<std::int64_t>());
      completion[at].slice(0, kPrompt, end).fill_(true);
      counts[at].slice(0, 0, end).fill_(true);
      std::shuffle(bytes.begin() + kPrompt, bytes.end(), generator);  // for the rejected one
    }
  }
  Pairs made;
  made.inputs = tokens.slice(1, 0, row - 1).contiguous();
  made.targets = tokens.slice(1, 1, row).contiguous();
  made.completion = completion.slice(1, 0, row - 1).contiguous();
  made.counts = counts.slice(1, 0, row - 1).contiguous();
  made.preferred = at::cat({at::ones({pairs}, at::kBool), at::zeros({pairs}, at::kBool)});
  return made;
}

}  // namespace preference
