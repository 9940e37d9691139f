#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/draws.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <string>

namespace infoplane::plane {
namespace {

double mean_of(const std::vector<LayerPoint>& draws, const std::string& key) {
  double sum = 0;
  for (const auto& draw : draws) {
    sum += value_at(draw.metrics, key);
  }
  return sum / static_cast<double>(draws.size());
}

/// Of the mean of so many draws.
double draw_error(const std::vector<LayerPoint>& draws, const std::string& corrected) {
  const auto count = static_cast<double>(draws.size());
  const double mean = mean_of(draws, corrected);
  double squares = 0;
  for (const auto& draw : draws) {
    const double deviation = value_at(draw.metrics, corrected) - mean;
    squares += deviation * deviation;
  }
  return std::sqrt(squares / (count - 1) / count);
}

/// Adds the spread between draws to the error that tokens give each.
void add_errors(LayerPoint& layer, const std::vector<LayerPoint>& draws, const std::string& key) {
  const auto error = standard_error_key(key);
  double squares = 0;
  for (const auto& draw : draws) {
    const double each = value_at(draw.metrics, error);
    squares += each * each / static_cast<double>(draws.size());
  }
  const double between = draw_error(draws, corrected_key(key));
  layer.metrics[draw_error_key(key)] = between;
  layer.metrics[error] = std::sqrt(squares + between * between);
}

}  // namespace

LayerPoint mean_over_draws(const std::vector<LayerPoint>& draws) {
  INFOPLANE_CHECK(!draws.empty(), ArgumentError, "a mean over draws was asked for without a draw: give at least one");
  auto layer = draws.front();
  if (draws.size() == 1) {
    return layer;
  }
  for (const auto& draw : draws) {
    INFOPLANE_CHECK(draw.name == layer.name, ArgumentError, "draws are of the layers \"", layer.name, "\" and \"",
                    draw.name, "\": give those of one");
    layer.reasons.insert(draw.reasons.begin(), draw.reasons.end());
  }
  for (auto& [key, value] : layer.metrics) {
    value = mean_of(draws, key);
  }
  for (const auto& [key, value] : draws.front().metrics) {
    if (draws.front().metrics.contains(standard_error_key(key))) {
      add_errors(layer, draws, key);
    }
  }
  return layer;
}

double error_within_run(const Metrics& metrics, std::string_view key) {
  const auto error = error_key(key);
  const auto plain = std::string_view(error).substr(0, error.rfind('/'));
  const double all = value_at(metrics, error);
  const auto draws = metrics.find(draw_error_key(plain));
  if (draws == metrics.end() || std::isnan(draws->second) || std::isnan(all)) {
    return all;
  }
  return std::sqrt(std::max(0.0, all * all - draws->second * draws->second));
}

Measured measured_across_models(const Metrics& metrics, std::string_view key, double degrees, std::int64_t draws) {
  const auto error = error_key(key);
  Measured measured{value_at(metrics, key), value_at(metrics, error), degrees};
  const double within = error_within_run(metrics, key);
  const double squares = measured.standard_error * measured.standard_error - within * within;
  const double between = squares > 0 ? std::sqrt(squares) : 0;
  if (draws > 1 && between > 0) {
    const double tokens = std::isnan(degrees) ? 0 : std::pow(within, 4) / degrees;
    measured.degrees =
        std::pow(measured.standard_error, 4) / (tokens + std::pow(between, 4) / static_cast<double>(draws - 1));
  }
  return measured;
}

}  // namespace infoplane::plane
