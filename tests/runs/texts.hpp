#pragma once

#include <string>
#include <string_view>

#include "runs/run_json.hpp"
#include "runs/samples.hpp"

// Texts of run files, as hands and other programs may write them.
namespace samples {

inline std::string repeated(std::size_t count, std::string_view text) {
  std::string out;
  out.reserve(count * text.size());
  for (std::size_t i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

inline std::string header_line() { return infoplane::runs::run_json::encode(header()); }
inline std::string point_line(std::int64_t step, const std::string& split = "train") {
  return infoplane::runs::run_json::encode(point(step, split));
}

/// The text with the first `old` replaced; as it was where there is none.
inline std::string with(std::string text, const std::string& old, const std::string& by) {
  const auto at = text.find(old);
  return at == std::string::npos ? text : text.replace(at, old.size(), by);
}

/// A point with its other fields as text, which end with a comma: `"mean":{…},`.
inline std::string bare_point(std::int64_t step, const std::string& mean, const std::string& layers) {
  return std::string("{\"step\":") + std::to_string(step) +
         R"(,"stream":"train","tokens":1,"time":0,"loss":1,"mean":)" + mean + ",\"layers\":" + layers + "}";
}

/// `count` entries `"<name><i>":1` with commas between them.
inline std::string numbered(std::size_t count, const std::string& before, const std::string& behind) {
  std::string out;
  out.reserve(count * (before.size() + behind.size() + 8));
  for (std::size_t i = 0; i < count; ++i) {
    out += i == 0 ? "" : ",";
    out += before + std::to_string(i) + behind;
  }
  return out;
}

}  // namespace samples
