#pragma once

#include <string>

namespace infoplane::report {

/// What sentences call the two sides of an order, or of an output set of the trainer's own ("output:class").
struct Words {
  explicit Words(const std::string& order);

  /// A coordinate: "complexity" is the context's information, and "optimality" a share, where X is the whole context.
  std::string called(const std::string& metric) const;

  bool has_output = true;  ///< there is a Y
  bool is_text;            ///< X and Y are n-grams of tokens
  std::string heading;     ///< "unigrams", or "class"; "context" where there is no Y
  std::string next;        ///< "what comes next", or "the class"
  std::string read;        ///< "the tokens that they read", or "what they read"
  const char* heldout;     ///< "held-out text" or "held-out data"
  std::string token;       ///< "token", "bigram", or "class"
  std::string name;        ///< "unigram", "bigram", "class", or "context"
};

/// "On held-out text." and its like.
std::string caption_of(const std::string& split, const Words& words);

}  // namespace infoplane::report
