#include "text.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <numeric>

#include "temporary_folder.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using examples_test::TemporaryFolder;
using train_text::TextError;
using Tokens = std::vector<std::uint16_t>;

namespace {

std::string little_endian(std::uint32_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) {
    bytes.push_back(static_cast<char>(value >> (8 * i)));
  }
  return bytes;
}

std::string token_bytes(const Tokens& tokens) {
  std::string bytes;
  for (const auto token : tokens) {
    bytes += little_endian(token, 2);
  }
  return bytes;
}

std::string llmc_header(std::uint32_t magic, std::uint32_t version, std::uint32_t count) {
  auto header = little_endian(magic, 4) + little_endian(version, 4) + little_endian(count, 4);
  header.resize(1024, '\0');
  return header;
}

Tokens counting(std::uint16_t size) {
  Tokens tokens(size);
  std::iota(tokens.begin(), tokens.end(), std::uint16_t{0});
  return tokens;
}

auto says(const std::string& part) { return MessageMatches(ContainsSubstring(part)); }

}  // namespace

TEST_CASE("the last tenth of a file of bytes is held out", "[examples][text]") {
  const TemporaryFolder folder;
  const auto text = train_text::load_bytes(folder.write("a.txt", "0123456789abcdefghi\xff"));
  REQUIRE(text.train.size() == 18);
  REQUIRE(text.heldout == Tokens{'i', 255});
  REQUIRE(text.train.front() == '0');
  REQUIRE(text.vocabulary == 256);
}

TEST_CASE("every tenth header in the order of the paths is held out", "[examples][text]") {
  const TemporaryFolder folder;
  for (const char letter : std::string("abcdefgh")) {
    folder.write(std::string("c10/core/") + letter + ".h", std::string(1, letter));
  }
  folder.write("c10/util/deep/x.h", "X");
  folder.write("torch/csrc/api/y.h", "Y");
  folder.write("torch/csrc/api/z.h", "Z");
  folder.write("c10/other/no.h", "-");
  const auto text = train_text::load_headers(folder.path());
  REQUIRE(text.train == Tokens{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'X', 'Z'});
  REQUIRE(text.heldout == Tokens{'Y'});
  REQUIRE(text.vocabulary == 256);
}

TEST_CASE("a file comes before the folder of the same stem", "[examples][text]") {
  const TemporaryFolder folder;
  folder.write("c10/core/api.h", "1");
  folder.write("c10/core/api/a.h", "2");
  for (int i = 0; i < 8; ++i) {
    folder.write("c10/util/" + std::to_string(i), "3");
  }
  const auto text = train_text::load_headers(folder.path());
  REQUIRE(text.train[0] == '1');
  REQUIRE(text.train[1] == '2');
}

TEST_CASE("LibTorch's own headers are there, 2.0 MB and 0.2 MB of them", "[examples][text]") {
  const auto text = train_text::load_own_headers();
  REQUIRE(text.train.size() > 1'700'000);
  REQUIRE(text.train.size() < 2'600'000);
  REQUIRE(text.heldout.size() > 150'000);
  REQUIRE(text.heldout.size() < 350'000);
}

TEST_CASE("token files of nanoGPT and llm.c give the same tokens", "[examples][text]") {
  const TemporaryFolder folder;
  Tokens tokens = counting(600);
  tokens[7] = 50256;
  const auto plain = train_text::load_tokens(folder.write("plain.bin", token_bytes(tokens)));
  const auto llmc =
      train_text::load_tokens(folder.write("llmc.bin", llmc_header(20240520, 1, 600) + token_bytes(tokens)));
  REQUIRE(plain.train == Tokens(tokens.begin(), tokens.begin() + 540));
  REQUIRE(plain.heldout == Tokens(tokens.begin() + 540, tokens.end()));
  REQUIRE(plain.vocabulary == 50257);
  REQUIRE(llmc.train == plain.train);
  REQUIRE(llmc.heldout == plain.heldout);
}

TEST_CASE("the vocabulary of a token file may be given, but not too small", "[examples][text]") {
  const TemporaryFolder folder;
  const auto file = folder.write("t.bin", token_bytes({1, 2, 99}));
  REQUIRE(train_text::load_tokens(file, 128).vocabulary == 128);
  REQUIRE(train_text::load_tokens(file, 100).vocabulary == 100);
  REQUIRE_THROWS_MATCHES(train_text::load_tokens(file, 99), TextError,
                         says("has token 99: a vocabulary of 99 is too small"));
}

TEST_CASE("files that cannot be read say why", "[examples][text]") {
  const TemporaryFolder folder;
  REQUIRE_THROWS_MATCHES(train_text::load_bytes(folder.path() / "none"), TextError, says("none does not exist"));
  REQUIRE_THROWS_MATCHES(train_text::load_bytes(folder.path()), TextError, says("is a folder, not a file"));
  REQUIRE_THROWS_MATCHES(train_text::load_bytes(folder.write("empty", "")), TextError, says("empty is empty"));
  REQUIRE_THROWS_MATCHES(train_text::load_headers(folder.path()), TextError,
                         says("does not hold the headers of LibTorch: pass --text FILE"));
}

TEST_CASE("token files of another format say why", "[examples][text]") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& content) { train_text::load_tokens(folder.write("t.bin", content)); };
  REQUIRE_THROWS_MATCHES(load("abc"), TextError, says("has 3 bytes: tokens of uint16 need an even number"));
  REQUIRE_THROWS_MATCHES(load(llmc_header(20240520, 1, 0)), TextError, says("holds no tokens"));
  REQUIRE_THROWS_MATCHES(load(llmc_header(20240520, 1, 3) + token_bytes({1, 2})), TextError,
                         says("promises 3 tokens but holds 2"));
  REQUIRE_THROWS_MATCHES(load(llmc_header(20240520, 2, 1) + token_bytes({1})), TextError,
                         says("has llm.c version 2: only version 1 is known"));
  REQUIRE_THROWS_MATCHES(load(llmc_header(20240801, 7, 1) + token_bytes({1, 0})), TextError,
                         says("holds uint32 tokens"));
}

TEST_CASE("targets of a random batch are the tokens that follow", "[examples][text]") {
  const auto tokens = counting(300);
  train_text::Batches batches(tokens, 5, 8, 1);
  for (int i = 0; i < 20; ++i) {
    const auto [inputs, targets] = batches.next();
    REQUIRE(inputs.sizes() == at::IntArrayRef{5, 8});
    REQUIRE(inputs.scalar_type() == at::kLong);
    REQUIRE(at::equal(targets, inputs + 1));
    REQUIRE(at::equal(inputs - inputs.slice(1, 0, 1), at::arange(8).expand({5, 8})));
  }
}

TEST_CASE("random batches follow their seed and reach both ends of the text", "[examples][text]") {
  const auto tokens = counting(12);
  train_text::Batches one(tokens, 64, 8, 7), same(tokens, 64, 8, 7), other(tokens, 64, 8, 8);
  const auto first = one.next();
  REQUIRE(at::equal(first.inputs, same.next().inputs));
  REQUIRE_FALSE(at::equal(first.inputs, other.next().inputs));
  REQUIRE_FALSE(at::equal(first.inputs, one.next().inputs));
  REQUIRE(first.inputs.min().item<std::int64_t>() == 0);
  REQUIRE(first.targets.max().item<std::int64_t>() == 11);
}

TEST_CASE("a text of one row gives that row; one token less is an error", "[examples][text]") {
  const auto row = counting(9);
  const auto short_row = counting(8);
  REQUIRE(at::equal(train_text::Batches(row, 2, 8, 0).next().targets, at::arange(1, 9).expand({2, 8})));
  REQUIRE(train_text::even_rows(row, 256, 8).inputs.sizes() == at::IntArrayRef{1, 8});
  REQUIRE_THROWS_MATCHES(train_text::Batches(short_row, 1, 8, 0), TextError,
                         says("the training part of the text has 8 tokens: one row of context 8 needs 9"));
  REQUIRE_THROWS_MATCHES(train_text::even_rows(short_row, 1, 8), TextError,
                         says("the held-out part of the text has 8 tokens: one row of context 8 needs 9"));
}

TEST_CASE("held-out rows are spread over the text and do not overlap", "[examples][text]") {
  const auto tokens = counting(1000);
  const auto [inputs, targets] = train_text::even_rows(tokens, 4, 10);
  REQUIRE(at::equal(inputs.select(1, 0), at::arange(4) * 329));
  REQUIRE(at::equal(targets, inputs + 1));
  // 41 tokens are exactly four rows, 40 only three.
  REQUIRE(at::equal(train_text::even_rows(counting(41), 256, 10).inputs.flatten(), at::arange(40)));
  REQUIRE(train_text::even_rows(counting(40), 256, 10).inputs.size(0) == 3);
}

TEST_CASE("a cut text is sixteen pieces spread over the whole one, which keeps what is held out", "[examples][text]") {
  const train_text::Text text{"counting", counting(1600), counting(7), 2000};
  const auto small = train_text::cut(text, 64);
  REQUIRE(small.train.size() == 64);
  REQUIRE(Tokens(small.train.begin(), small.train.begin() + 5) == Tokens{0, 1, 2, 3, 100});
  REQUIRE(Tokens(small.train.end() - 4, small.train.end()) == Tokens{1500, 1501, 1502, 1503});
  REQUIRE(small.heldout == text.heldout);
  REQUIRE(small.vocabulary == 2000);
  REQUIRE(train_text::cut(text, 1600).train == text.train);
  REQUIRE(train_text::cut(text, 99999).train == text.train);
}
