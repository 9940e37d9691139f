#pragma once

#include <infoplane/runs/run_header.hpp>

#include "runs/line_decoder.hpp"

namespace infoplane::runs::run_json {

/// Reads the line of a header.
class HeaderDecoder final : public LineDecoder {
 public:
  RunHeader take() { return std::move(header_); }

 protected:
  void on_scalar(json::Scalar value) override;
  bool on_open(json::Kind kind) override;
  void on_close() override;
  void on_name(std::string text) override;

 private:
  enum class In : std::uint8_t { kLine, kHeader, kTexts, kConfig, kKinds, kCurves, kCurve, kCorner };

  void field(json::Scalar& value);
  /// Where a field's value goes; null where it holds none of that kind.
  std::string* text_of(int field) noexcept;
  std::int64_t* integer_of(int field) noexcept;
  bool open_field(json::Kind kind);
  using OfSites = std::map<std::string, std::string, std::less<>>;
  std::vector<std::string>& texts();
  OfSites& of_sites() noexcept;
  Place entry() const { return {fields_.what(), key_}; }

  RunHeader header_;
  In in_ = In::kLine;
  Fields fields_ = fields();
  std::string key_;                    // of the entry of a map
  RunHeader::Curve* curve_ = nullptr;  // that is read
  double corner_[2] = {};
  int corner_size_ = 0;

  static Fields fields();
};

}  // namespace infoplane::runs::run_json
