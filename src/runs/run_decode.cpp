#include <infoplane/core/error.hpp>
#include <string_view>

#include "core/json.hpp"
#include "runs/header_decoder.hpp"
#include "runs/point_decoder.hpp"
#include "runs/run_json.hpp"

namespace infoplane::runs::run_json {
namespace {

/// Lines of this library begin with the field that says what they are; others are looked through.
bool is_header(std::string_view line) {
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  line.remove_prefix(line.starts_with(kBom) ? kBom.size() : 0);
  return line.starts_with(R"({"schema")") || (!line.starts_with(R"({"step")") && has_field(line, "schema"));
}

template <typename Decoder>
auto decoded(std::string_view line) {
  Decoder decoder;
  json::read(line, decoder);
  return decoder.take();
}

}  // namespace

std::variant<RunHeader, plane::Point> decode(std::string_view line) {
  if (is_header(line)) {
    return decoded<HeaderDecoder>(line);
  }
  return decoded<PointDecoder>(line);
}

}  // namespace infoplane::runs::run_json
