// Feeds a fuzz target with mutations of a corpus; the same count and seed give the same inputs on every machine.
// Usage: <program> <corpus folder> [count] [seed]
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <infoplane/core/error.hpp>
#include <infoplane/core/hash.hpp>
#include <infoplane/core/number.hpp>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Mutator {
 public:
  Mutator(std::vector<std::string> corpus, std::uint64_t seed) : corpus_(std::move(corpus)), state_(seed) {}

  std::string next() {
    auto text = corpus_[below(corpus_.size())];
    for (auto changes = 1 + below(6); changes > 0; --changes) {
      mutate(text);
    }
    return text;
  }

 private:
  std::uint64_t random() { return infoplane::splitmix64(state_++); }
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(random() % bound); }

  void mutate(std::string& text) {
    static const std::vector<std::string> kPieces = {
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ",",
        ":",
        "\n",
        "\r",
        "null",
        "true",
        "1e999",
        "-0",
        "NaN",
        "\\u0000",
        "\xff",
        "\xed\xa0\x80",
        "{\"schema\":\"infoplane.run\"",
        "\"layers\":[",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "\"Infinity\"",
        "[[[[[[[[",
        std::string(70, '['),
        std::string(70, ']'),
        "\xef\xbb\xbf",
        std::string(1, '\0'),
        "+",
        "0x",
        "e5",
        ".",
    };
    const auto at = below(text.size() + 1);
    const auto length = std::min(text.size() - at, below(1 + below(200)));
    switch (below(9)) {
      case 0:
        if (at < text.size()) {
          text[at] = static_cast<char>(text[at] ^ (1U << below(8)));
        }
        break;
      case 1:
        if (at < text.size()) {
          text[at] = static_cast<char>(random());
        }
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      case 5:
        text.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 6:
        text.resize(at);
        break;
      case 7: {
        const auto& other = corpus_[below(corpus_.size())];
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
      default:
        mutate_number(text, at);
    }
  }

  void mutate_number(std::string& text, std::size_t at) {
    static const std::vector<std::string> kNumbers = {"0",       "-1",   "1e308", "-1e-320", "9223372036854775807",
                                                      "1.5",     "1e30", "00",    "-",       "18446744073709551615",
                                                      "\"NaN\"", "2"};
    const auto from = text.find_first_of("0123456789", at);
    if (from != std::string::npos) {
      const auto end = text.find_first_not_of("0123456789.eE+-", from);
      text.replace(from, end == std::string::npos ? end : end - from, kNumbers[below(kNumbers.size())]);
    }
  }

  std::vector<std::string> corpus_;
  std::uint64_t state_;
};

void feed(const std::string& text) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " <corpus folder> [count] [seed]\n";
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& each : std::filesystem::directory_iterator(argv[1])) {
    paths.push_back(each.path());
  }
  std::sort(paths.begin(), paths.end());  // folders have no order of their own
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    corpus.push_back(read(path));
    feed(corpus.back());
  }
  if (corpus.empty()) {
    std::cerr << argv[0] << ": " << argv[1] << " holds no file\n";
    return 2;
  }
  std::int64_t count = 20000;
  std::uint64_t seed = 1;
  try {
    count = argc > 2 ? infoplane::read_integer("count", argv[2], 0) : count;
    seed = argc > 3 ? infoplane::read_unsigned("seed", argv[3]) : seed;
  } catch (const infoplane::ArgumentError& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 2;
  }
  Mutator mutator(corpus, seed);
  for (std::int64_t i = 0; i < count; ++i) {
    feed(mutator.next());
  }
  std::cout << count << " inputs from " << corpus.size() << " files, seed " << seed << ": no finding\n";
  return 0;
}
