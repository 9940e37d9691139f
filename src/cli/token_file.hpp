#pragma once

#include <cstdint>
#include <infoplane/bound/joint_builder.hpp>
#include <string>

namespace infoplane::cli {

/// How a file holds its tokens.
enum class TokenKind : std::uint8_t {
  kBytes,   ///< each byte is one
  kUint16,  ///< as nanoGPT and llm.c write them; llm.c's header is passed over
  kInt32,
  kInt64,
  kText,  ///< decimal numbers between white space
};

/// Adds a file to the pairs, as one document, and returns how many tokens it has. A negative one ends a sequence.
/// Binary tokens are in the byte order of this machine.
/// @throws IoError with the file, and the line (kText) or offset, if it cannot be read or is not of that kind.
std::int64_t add_token_file(bound::NgramJointBuilder& pairs, const std::string& path, TokenKind kind);

}  // namespace infoplane::cli
