#pragma once

#include <cstdint>
#include <infoplane/runs/run_header.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/json.hpp"

// What the decoders of headers and points share: objects with named fields, which go straight to where they belong.
namespace infoplane::runs::run_json {

// What belongs into a field, for messages.
inline constexpr const char* kText = "text";
inline constexpr const char* kInteger = "a 64-bit integer";
inline constexpr const char* kFlag = "a truth value";
inline constexpr const char* kConfigValue = "a number, text or truth value";
inline constexpr const char* kNumber = R"(a number, "NaN", "Infinity" or "-Infinity")";

struct Field {
  const char* name;
  bool required = true;
};

/// Which fields of an object have come, by their place in the list of those that are known.
class Fields {
 public:
  /// `what` is for messages, such as "the point".
  Fields(const char* what, std::span<const Field> known) : what_(what), known_(known) {}

  /// Looks at a name and makes it the current one. @throws IoError if it has come before.
  void take(std::string_view name);
  /// Place of the current field; −1 where the reader does not know it.
  int now() const noexcept { return now_; }
  bool has(int place) const noexcept { return (come_ >> static_cast<unsigned>(place) & 1U) != 0; }
  const char* what() const noexcept { return what_; }
  const char* name() const noexcept { return known_[static_cast<std::size_t>(now_)].name; }

  /// Begins another object of the kind.
  void begin() noexcept { come_ = 0; }
  /// @throws IoError if a required field has not come.
  void end() const;

 private:
  const char* what_;
  std::span<const Field> known_;
  std::uint64_t come_ = 0;
  int now_ = -1;
};

/// Where a value stands: "the point", "loss".
struct Place {
  const char* what;
  std::string_view field;
};

/// Each takes a value of its kind. @throws IoError if it is of another.
void read(const Place& place, json::Scalar& value, std::string& into);
void read(const Place& place, json::Scalar& value, std::int64_t& into);
void read(const Place& place, json::Scalar& value, std::uint64_t& into);
void read(const Place& place, json::Scalar& value, double& into);
void read(const Place& place, json::Scalar& value, bool& into);
void read(const Place& place, json::Scalar& value, ConfigValue& into);

/// "the point has 5 in its field "loss" instead of …". @throws IoError always.
[[noreturn]] void refuse(const Place& place, const std::string& shown, const char* expected);
/// @throws IoError saying that the object has the name twice.
[[noreturn]] void refuse_twice(const char* what, std::string_view name);
/// A value for a message.
std::string shown(const json::Scalar& value);

/// Leaves out what a decoder passes over, and refuses an array or object where something else belongs.
class LineDecoder : public json::Events {
 public:
  void scalar(json::Scalar value) final;
  void open(json::Kind kind) final;
  void close() final;
  void name(std::string text) final;

 protected:
  virtual void on_scalar(json::Scalar value) = 0;
  /// Returns whether it is looked at, and not passed over.
  virtual bool on_open(json::Kind kind) = 0;
  virtual void on_close() = 0;
  virtual void on_name(std::string text) = 0;

  /// The array or object that opens does not belong there. Returns true, for on_open.
  bool unexpected(const Place& place, json::Kind kind, const char* expected);

 private:
  struct Odd {
    const char* what;
    std::string field;
    json::Kind kind;
    const char* expected;
  };

  void refuse_odd(bool empty) const;

  std::optional<Odd> odd_;
  std::size_t passed_over_ = 0;  // arrays and objects that are open within what is passed over
};

}  // namespace infoplane::runs::run_json
