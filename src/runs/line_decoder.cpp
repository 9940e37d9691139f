#include "runs/line_decoder.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "core/json_number.hpp"
#include "core/text.hpp"

namespace infoplane::runs::run_json {

void Fields::take(std::string_view name) {
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const Field& each) { return each.name == name; });
  now_ = found == known_.end() ? -1 : static_cast<int>(found - known_.begin());
  if (now_ >= 0) {
    if (has(now_)) {
      refuse_twice(what_, name);
    }
    come_ |= std::uint64_t{1} << static_cast<unsigned>(now_);
  }
}

void Fields::end() const {
  for (std::size_t i = 0; i < known_.size(); ++i) {
    INFOPLANE_CHECK(!known_[i].required || has(static_cast<int>(i)), IoError, what_, " has no field \"", known_[i].name,
                    "\"");
  }
}

void refuse(const Place& place, const std::string& shown, const char* expected) {
  INFOPLANE_THROW(IoError, place.what, " has ", shown, " in its field \"", text::shortened(place.field, 80),
                  "\" instead of ", expected);
}

void refuse_twice(const char* what, std::string_view name) {
  INFOPLANE_THROW(IoError, what, " has the field \"", text::shortened(name, 80), "\" twice");
}

std::string shown(const json::Scalar& value) {
  return std::visit(
      [](const auto& each) {
        using Value = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<Value, std::string>) {
          return text::shortened(nlohmann::json(text::shortened(each, 80)).dump(), 82);
        } else {
          return nlohmann::json(each).dump();
        }
      },
      value);
}

void read(const Place& place, json::Scalar& value, std::string& into) {
  auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) {
    refuse(place, shown(value), kText);
  }
  into = std::move(*text);
}

void read(const Place& place, json::Scalar& value, std::int64_t& into) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    into = *number;
    return;
  }
  const auto* number = std::get_if<std::uint64_t>(&value);
  if (number == nullptr || *number > kMost) {
    refuse(place, shown(value), kInteger);
  }
  into = static_cast<std::int64_t>(*number);
}

void read(const Place& place, json::Scalar& value, std::uint64_t& into) {
  const auto* number = std::get_if<std::uint64_t>(&value);
  if (number == nullptr) {
    refuse(place, shown(value), "an unsigned integer");
  }
  into = *number;
}

void read(const Place& place, json::Scalar& value, double& into) {
  const auto number = std::visit(
      [](const auto& each) -> std::optional<double> {
        using Value = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<Value, std::string>) {
          return not_finite(each);
        } else if constexpr (std::is_same_v<Value, bool> || std::is_same_v<Value, std::nullptr_t>) {
          return std::nullopt;
        } else {
          return static_cast<double>(each);
        }
      },
      value);
  if (!number) {
    refuse(place, shown(value), kNumber);
  }
  into = *number;
}

void read(const Place& place, json::Scalar& value, bool& into) {
  const auto* const flag = std::get_if<bool>(&value);
  if (flag == nullptr) {
    refuse(place, shown(value), kFlag);
  }
  into = *flag;
}

void read(const Place& place, json::Scalar& value, ConfigValue& into) {
  std::visit(
      [&](auto& each) {
        using Value = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<Value, std::nullptr_t>) {
          refuse(place, "null", kConfigValue);
        } else if constexpr (std::is_same_v<Value, std::uint64_t>) {
          constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
          into = each <= kMost ? ConfigValue(static_cast<std::int64_t>(each)) : ConfigValue(static_cast<double>(each));
        } else {
          into = std::move(each);
        }
      },
      value);
}

void LineDecoder::scalar(json::Scalar value) {
  refuse_odd(false);
  if (passed_over_ == 0) {
    on_scalar(std::move(value));
  }
}

void LineDecoder::open(json::Kind kind) {
  refuse_odd(false);
  if (passed_over_ > 0 || !on_open(kind)) {
    ++passed_over_;
  }
}

void LineDecoder::close() {
  refuse_odd(true);
  if (passed_over_ > 0) {
    --passed_over_;
  } else {
    on_close();
  }
}

void LineDecoder::name(std::string text) {
  refuse_odd(false);
  if (passed_over_ == 0) {
    on_name(std::move(text));
  }
}

bool LineDecoder::unexpected(const Place& place, json::Kind kind, const char* expected) {
  odd_ = Odd{place.what, std::string(place.field), kind, expected};
  return true;
}

void LineDecoder::refuse_odd(bool empty) const {
  if (odd_) {
    const bool array = odd_->kind == json::Kind::kArray;
    refuse({odd_->what, odd_->field}, empty ? (array ? "[]" : "{}") : (array ? "an array" : "an object"),
           odd_->expected);
  }
}

}  // namespace infoplane::runs::run_json
