#pragma once

#include <string>
#include <vector>

namespace examples_test {

/// The arguments `more` with those of a small model on the file `data`, quick to train.
inline std::vector<std::string> small_run(const std::string& data, std::vector<std::string> more,
                                          const std::string& kind = "--text") {
  more.insert(more.end(), {kind, data, "--width", "16", "--layers", "1", "--batch", "2", "--context", "8"});
  return more;
}

/// 4500 bytes of text.
inline std::string sentences() {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "the quick brown fox jumps over the lazy dog. ";
  }
  return text;
}

}  // namespace examples_test
