#pragma once

#include <chrono>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace infoplane {

/// Base of every exception that this library throws by itself.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An argument or option has a value that cannot work. Nothing was changed.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

/// A tensor or token array has the wrong shape, dtype or device. Nothing was changed.
class ShapeError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

/// A call came at a time when it cannot be served, such as a scope inside a scope.
class StateError : public Error {
 public:
  using Error::Error;
};

/// A watched site did not fire, fired in another shape, or does not exist.
class SiteError : public Error {
 public:
  using Error::Error;
};

/// A file cannot be read or written, or does not hold what its format promises.
class IoError : public Error {
 public:
  using Error::Error;
};

/// A collective operation over ranks failed: a peer died, left, was late or asked for something else. The communicator
/// is of no more use.
class CommunicationError : public Error {
 public:
  /// `rank` is that of the peer, −1 where it is not known.
  CommunicationError(const std::string& what, std::string operation, int rank, std::chrono::milliseconds waited)
      : Error(what), operation_(std::move(operation)), rank_(rank), waited_(waited) {}

  /// The operation that failed, such as "sum".
  const std::string& operation() const noexcept { return operation_; }
  /// The peer that failed it, −1 where that isn't known.
  int rank() const noexcept { return rank_; }
  /// From the operation's start to its failure.
  std::chrono::milliseconds waited() const noexcept { return waited_; }

 private:
  std::string operation_;
  int rank_;
  std::chrono::milliseconds waited_;
};

namespace detail {

/// Text of all parts, one after another, as operator<< writes them under no locale: what is compared or read back must
/// not depend on the program's.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

/// Writes the elements of a range with ", " between them; for shapes and lists of names in messages.
template <typename Range>
std::string join(const Range& range, const char* separator = ", ") {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  const char* before = "";
  for (const auto& element : range) {
    out << before << element;
    before = separator;
  }
  return out.str();
}

}  // namespace detail
}  // namespace infoplane

/// Throws `infoplane::Type` with the parts as its message: what happened, the values, what to do.
#define INFOPLANE_THROW(Type, ...) throw ::infoplane::Type(::infoplane::detail::concat(__VA_ARGS__))

/// Throws `infoplane::Type` unless `condition` holds. The parts are evaluated only then.
#define INFOPLANE_CHECK(condition, Type, ...) \
  do {                                        \
    if (!(condition)) [[unlikely]] {          \
      INFOPLANE_THROW(Type, __VA_ARGS__);     \
    }                                         \
  } while (false)
