#include "monitor/rank_report.hpp"

#include <utility>

#include "core/state.hpp"

namespace infoplane {

namespace {

void put_flag(state::Writer& out, bool flag) { out.put(static_cast<std::uint8_t>(flag ? 1 : 0)); }

template <typename T>
void put(state::Writer& out, const T& number) {
  out.put(number);
}
void put(state::Writer& out, bool flag) { put_flag(out, flag); }
void put(state::Writer& out, const std::string& text) { out.put_text(text); }
void put(state::Writer& out, const std::vector<std::string>& texts) {
  out.put(static_cast<std::uint32_t>(texts.size()));
  for (const auto& text : texts) {
    out.put_text(text);
  }
}

template <typename T>
void get(state::Reader& in, T& number) {
  number = in.get<T>();
}
void get(state::Reader& in, bool& flag) { flag = in.get_flag(); }
void get(state::Reader& in, std::string& text) { text = in.get_text(); }
void get(state::Reader& in, std::vector<std::string>& texts) {
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    texts.push_back(in.get_text());
  }
}

}  // namespace

std::string bytes_of(const RankSettings& settings) {
  state::Writer out;
  runs::MeasurementSettings::each([&](const char* /*name*/, auto field) {
    put_flag(out, (settings.measurement.*field).has_value());
    if (settings.measurement.*field) {
      put(out, *(settings.measurement.*field));
    }
  });
  put_flag(out, settings.pipeline);
  out.put(static_cast<std::uint32_t>(settings.sites.size()));
  for (const auto& site : settings.sites) {
    out.put_text(site.name);
    out.put(site.index);
    out.put_text(site.kind);
    out.put(site.width);
    out.put_text(site.row);
  }
  out.put(settings.width);
  out.put_text(settings.dtype);
  put(out, settings.label_sets);
  return out.take();
}

RankSettings rank_settings_of(std::string_view bytes) {
  state::Reader in(bytes);
  RankSettings settings;
  runs::MeasurementSettings::each([&](const char* /*name*/, auto field) {
    if (in.get_flag()) {
      get(in, (settings.measurement.*field).emplace());
    }
  });
  settings.pipeline = in.get_flag();
  for (auto sites = in.get<std::uint32_t>(); sites > 0; --sites) {
    auto& site = settings.sites.emplace_back();
    site.name = in.get_text();
    site.index = in.get<int>();
    site.kind = in.get_text();
    site.width = in.get<std::int64_t>();
    site.row = in.get_text();
  }
  settings.width = in.get<std::int64_t>();
  settings.dtype = in.get_text();
  get(in, settings.label_sets);
  in.end();
  return settings;
}

std::string bytes_of(const RankReport& report) {
  state::Writer out;
  out.put_text(report.split);
  out.put(report.step);
  out.put_text(report.error);
  put_flag(out, report.loss.has_value());
  out.put(report.loss.value_or(0));
  put_flag(out, report.cross_entropy);
  out.put_text(report.dropped);
  put_flag(out, report.has_tokens);
  put_flag(out, report.ended_early);
  out.put(report.window);
  out.put_text(report.settings);
  return out.take();
}

RankReport rank_report_of(std::string_view bytes) {
  state::Reader in(bytes);
  RankReport report;
  report.split = in.get_text();
  report.step = in.get<std::int64_t>();
  report.error = in.get_text();
  const bool gave_loss = in.get_flag();
  const auto loss = in.get<double>();
  report.cross_entropy = in.get_flag();
  report.loss = gave_loss ? std::optional(loss) : std::nullopt;
  report.dropped = in.get_text();
  report.has_tokens = in.get_flag();
  report.ended_early = in.get_flag();
  report.window = in.get<std::int64_t>();
  report.settings = in.get_text();
  in.end();
  return report;
}

std::string bytes_of(const plane::Metrics& metrics) {
  state::Writer out;
  out.put(static_cast<std::uint64_t>(metrics.size()));
  for (const auto& [key, value] : metrics) {
    out.put_text(key);
    out.put(value);
  }
  return out.take();
}

plane::Metrics metrics_of(std::string_view bytes) {
  state::Reader in(bytes);
  plane::Metrics metrics;
  for (auto count = in.get<std::uint64_t>(); count > 0; --count) {
    auto key = in.get_text();
    metrics.insert_or_assign(std::move(key), in.get<double>());
  }
  in.end();
  return metrics;
}

}  // namespace infoplane
