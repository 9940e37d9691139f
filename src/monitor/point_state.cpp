#include "monitor/point_state.hpp"

#include "core/state.hpp"

namespace infoplane {

namespace {

void put(state::Writer& out, const plane::Metrics& metrics) {
  out.put(static_cast<std::uint64_t>(metrics.size()));
  for (const auto& [key, value] : metrics) {
    out.put_text(key);
    out.put(value);
  }
}

using Reasons = decltype(plane::Point::reasons);

void put(state::Writer& out, const Reasons& reasons) {
  out.put(static_cast<std::uint64_t>(reasons.size()));
  for (const auto& [key, reason] : reasons) {
    out.put_text(key);
    out.put_text(reason);
  }
}

Reasons get_reasons(state::Reader& in) {
  Reasons reasons;
  for (auto count = in.get<std::uint64_t>(); count > 0; --count) {
    auto key = in.get_text();
    reasons.insert_or_assign(std::move(key), in.get_text());
  }
  return reasons;
}

plane::Metrics get_metrics(state::Reader& in) {
  plane::Metrics metrics;
  for (auto count = in.get<std::uint64_t>(); count > 0; --count) {
    auto key = in.get_text();
    metrics.insert_or_assign(std::move(key), in.get<double>());
  }
  return metrics;
}

}  // namespace

std::string bytes_of(const plane::Metrics& metrics) {
  state::Writer out;
  put(out, metrics);
  return out.take();
}

plane::Metrics metrics_of(std::string_view bytes) {
  state::Reader in(bytes);
  auto metrics = get_metrics(in);
  in.end();
  return metrics;
}

std::string bytes_of(const plane::Point& point) {
  state::Writer out;
  out.put(point.step);
  out.put(point.tokens);
  out.put(point.time);
  out.put(point.loss);
  out.put_text(point.stream);
  out.put(point.bytes_sent);
  out.put(static_cast<std::uint64_t>(point.layers.size()));
  for (const auto& layer : point.layers) {
    out.put_text(layer.name);
    out.put(layer.tokens);
    out.put(layer.rejected);
    out.put(layer.sequences);
    put(out, layer.metrics);
    put(out, layer.reasons);
  }
  put(out, point.mean);
  put(out, point.reasons);
  return out.take();
}

plane::Point point_of(std::string_view bytes) {
  state::Reader in(bytes);
  plane::Point point;
  point.step = in.get<std::int64_t>();
  point.tokens = in.get<std::int64_t>();
  point.time = in.get<double>();
  point.loss = in.get<double>();
  point.stream = in.get_text();
  point.bytes_sent = in.get<std::int64_t>();
  for (auto layers = in.get<std::uint64_t>(); layers > 0; --layers) {
    auto& layer = point.layers.emplace_back();
    layer.name = in.get_text();
    layer.tokens = in.get<std::int64_t>();
    layer.rejected = in.get<std::int64_t>();
    layer.sequences = in.get<std::int64_t>();
    layer.metrics = get_metrics(in);
    layer.reasons = get_reasons(in);
  }
  point.mean = get_metrics(in);
  point.reasons = get_reasons(in);
  in.end();
  return point;
}

}  // namespace infoplane
