#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/equal_count_bins.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <sstream>

#include "monitor/signals.hpp"

// Label sets of the trainer's own, on the side of what goes in or of what comes out.
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::WithinAbs;
using infoplane::ArgumentError;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::ShapeError;
using infoplane::SiteError;
using infoplane::plane::LayerPoint;
using infoplane::plane::Point;
using infoplane::test::signal_of;

namespace {

constexpr std::int64_t kRows = 64, kLength = 9;

Point measure(const BatchDetails& details, const at::Tensor& z, std::int64_t every = 1) {
  Monitor monitor(MonitorOptions().every(every));
  const auto observation = monitor.observe(0, details);
  infoplane::tap("blocks.0", z);
  return *monitor.end_step(0);
}

const LayerPoint& layer_of(const Point& point) { return point.layers.at(0); }

}  // namespace

TEST_CASE("a class of each row: information, share and distance, with corrected values", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto point = measure(BatchDetails().outputs({{"class", y}}), signal_of(y, kLength, 0.7));
  for (const auto* metrics : {&layer_of(point).metrics, &point.mean}) {
    CHECK(metrics->at("I(Y;Z)/class") > 0.1);
    CHECK_THAT(metrics->at("share/class"),
               WithinAbs(metrics->at("I(Y;Z)/class") / metrics->at("I(X;Z)/context"), 1e-9));
    CHECK_THAT(metrics->at("distance/class"), WithinAbs(1 - metrics->at("share/class"), 1e-12));
    CHECK_THAT(metrics->at("distance/class/corrected"), WithinAbs(1 - metrics->at("share/class/corrected"), 1e-12));
    CHECK(metrics->at("distance/class/standard_error") == metrics->at("share/class/standard_error"));
    CHECK(metrics->at("distance/class/null") > metrics->at("distance/class"));
    CHECK_FALSE(metrics->contains("regularity/class"));
    CHECK_FALSE(metrics->contains("I(X;Z)/class"));
  }
  CHECK(layer_of(point).metrics.at("tokens/class") == kRows * kLength);
  CHECK(layer_of(point).metrics.at("labels/class") == 4);
}

TEST_CASE("a class that says nothing has no information beyond its error", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto other = at::arange(kRows).div(4, "floor").remainder(4);
  const auto metrics =
      layer_of(measure(BatchDetails().outputs({{"class", other}}), signal_of(y, kLength, 0.7))).metrics;
  CHECK(std::abs(metrics.at("I(Y;Z)/class/corrected")) < 4 * metrics.at("I(Y;Z)/class/standard_error"));
}

TEST_CASE("a label of each row is that of all its positions, of any integer dtype", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto z = signal_of(y, kLength, 0.7);
  const auto spread = measure(BatchDetails().outputs({{"class", y.view({-1, 1}).expand({kRows, kLength})}}), z);
  for (const auto dtype : {at::kLong, at::kInt, at::kShort, at::kChar, at::kByte, at::kUInt16, at::kUInt32}) {
    CAPTURE(dtype);
    const auto one = measure(BatchDetails().outputs({{"class", y.to(dtype)}}), z);
    REQUIRE(layer_of(one).metrics == layer_of(spread).metrics);
  }
}

TEST_CASE("inputs, outputs and other labels stand on their sides", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto patch = at::arange(kRows * kLength).remainder(7).view({kRows, kLength});
  const auto details =
      BatchDetails().inputs({{"patch", patch}}).outputs({{"class", y}, {"next", patch}}).labels({{"row", y}});
  const auto metrics = layer_of(measure(details, signal_of(y, kLength, 0.7))).metrics;
  for (const char* key : {"I(X;Z)/patch", "share/patch", "regularity/patch", "I(Y;Z)/class", "I(Y;Z)/next",
                          "distance/next", "I(X;Z)/row", "share/row"}) {
    INFO(key);
    CHECK(std::isfinite(metrics.at(key)));
  }
  CHECK_FALSE(metrics.contains("distance/patch"));
  CHECK_FALSE(metrics.contains("distance/row"));
  CHECK(metrics.at("I(X;Z)/row") == metrics.at("I(Y;Z)/class"));
}

TEST_CASE("outputs go beside tokens", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto tokens = at::arange(kRows * kLength).remainder(5).view({kRows, kLength});
  Monitor monitor(MonitorOptions().every(1));
  const auto observation = monitor.observe(0, tokens, {}, BatchDetails().outputs({{"class", y}}));
  infoplane::tap("blocks.0", signal_of(y, kLength, 0.7));
  const auto point = *monitor.end_step(0);
  CHECK(point.mean.at("distance/class") < 1);
  CHECK(point.mean.contains("distance/unigram"));
}

TEST_CASE("names that keys cannot have are refused", "[monitor][sides][messages]") {
  const auto y = at::arange(kRows);
  const auto refuse = [&](const BatchDetails& details, const char* text) {
    INFO(text);
    CHECK_THROWS_MATCHES(measure(details, signal_of(y, kLength, 0.7)), ArgumentError,
                         MessageMatches(ContainsSubstring(text)));
  };
  for (const char* name : {"", "context", "unigram", "a/b", "a|b", "output_x", "through_x"}) {
    INFO(name);
    refuse(BatchDetails().outputs({{name, y}}), "has a name that other keys have");
    refuse(BatchDetails().inputs({{name, y}}), "has a name that other keys have");
  }
  refuse(BatchDetails().labels({{"output:x", y}}), "give it by BatchDetails::inputs or outputs");
  refuse(BatchDetails().outputs({{"class", y}}).inputs({{"class", y}}), "\"class\" is given twice in one micro-batch");
}

TEST_CASE("sites of other positions have the labels of whole rows, and say why not the others", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto patch = at::arange(kRows * 16).remainder(7).view({kRows, 16});
  Monitor monitor(MonitorOptions().every(1));
  {
    const auto observation = monitor.observe(0, BatchDetails().inputs({{"patch", patch}}).outputs({{"class", y}}));
    infoplane::tap("blocks.0", signal_of(y, 16, 0.7));
    infoplane::tap("blocks.1", signal_of(y, 4, 0.7));                           // merged
    infoplane::tap("blocks.2", signal_of(y, 16, 0.7).view({kRows, 4, 4, -1}));  // a grid
    infoplane::tap("pooled", signal_of(y, 1, 0.7).squeeze(1));
  }
  const auto point = *monitor.end_step(0);
  const std::pair<const char*, std::int64_t> kSites[] = {
      {"blocks.0", 16}, {"blocks.1", 4}, {"blocks.2", 16}, {"pooled.0", 1}};
  for (const auto& [name, length] : kSites) {
    INFO(name);
    const auto& layer = *point.layer(name);
    CHECK(layer.tokens == kRows * length);
    CHECK(layer.metrics.at("tokens/class") == static_cast<double>(kRows * length));
    CHECK(layer.metrics.at("share/class") > 0);
    CHECK(layer.metrics.at("share/class") <= 1);
    const bool has_patches = std::string_view(name) == "blocks.0";
    CHECK(std::isfinite(layer.metrics.at("I(X;Z)/patch")) == has_patches);
    if (!has_patches) {
      CHECK_THAT(layer.reasons.at("I(X;Z)/patch"), ContainsSubstring("only labels of whole rows count"));
    }
  }
}

TEST_CASE("activations that no given position fits are an error that names what may", "[monitor][sides][messages]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto patch = at::arange(kRows * 16).remainder(7).view({kRows, 16});
  const auto details = BatchDetails().inputs({{"patch", patch}}).outputs({{"class", y}});
  CHECK_THROWS_MATCHES(measure(details, signal_of(y, 17, 0.7)), SiteError,
                       MessageMatches(ContainsSubstring("prefix(1)") && ContainsSubstring(".suffix(1)") &&
                                      ContainsSubstring(".only(0)")));
}

TEST_CASE("class and register tokens: prefix, suffix and single positions", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto patch = at::arange(kRows * 6).remainder(7).view({kRows, 6});
  const auto z = signal_of(y, 9, 0.7);  // two in front, one behind
  const auto plain = [&](const at::Tensor& part, const BatchDetails& details) {
    return layer_of(measure(details, part.contiguous())).metrics;
  };
  const auto base = BatchDetails().inputs({{"patch", patch}}).outputs({{"class", y}});
  const auto with_labels = [&](const BatchDetails& details) { return plain(z, details); };
  CHECK(with_labels(BatchDetails(base).prefix(2).suffix(1)) == plain(z.narrow(1, 2, 6), base));
  const auto rows_only = BatchDetails().outputs({{"class", y}});
  CHECK(with_labels(BatchDetails(rows_only).prefix(2).suffix(1)) == plain(z.narrow(1, 2, 6), rows_only));
  CHECK(with_labels(BatchDetails(rows_only).only(0)) == plain(z.select(1, 0), rows_only));
  CHECK(with_labels(BatchDetails(rows_only).only(-1)) == plain(z.select(1, 8), rows_only));
  const auto two = with_labels(BatchDetails(base).prefix(2).suffix(1).only({0, 3}));
  CHECK(two.at("tokens/class") == 2 * kRows);
  CHECK(two.at("tokens/patch") == kRows);  // the class token has no patch
  CHECK(two.at("I(Y;Z)/class") == plain(at::stack({z.select(1, 0), z.select(1, 3)}, 1), rows_only).at("I(Y;Z)/class"));
  CHECK(with_labels(BatchDetails(rows_only).only(at::tensor({0, 3}))).at("tokens/class") == 2 * kRows);
}

TEST_CASE("a site in front of the class token has the tokens alone", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto patch = at::arange(kRows * 6).remainder(7).view({kRows, 6});
  Monitor monitor(MonitorOptions().every(1));
  {
    const auto observation =
        monitor.observe(0, BatchDetails().inputs({{"patch", patch}}).outputs({{"class", y}}).prefix(1));
    infoplane::tap("embedding", signal_of(y, 6, 0.7));
    infoplane::tap("blocks.0", signal_of(y, 7, 0.7));
  }
  const auto point = *monitor.end_step(0);
  for (const auto& layer : point.layers) {
    CHECK(layer.metrics.at("tokens/patch") == kRows * 6);
    CHECK(layer.metrics.at("tokens/class") == kRows * 6);
  }
}

TEST_CASE("wrong positions are refused", "[monitor][sides][messages]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto rows = BatchDetails().outputs({{"class", y}});
  const auto z = signal_of(y, 9, 0.7);
  CHECK_THROWS_MATCHES(measure(BatchDetails(rows).prefix(-1), z), ArgumentError,
                       MessageMatches(ContainsSubstring("numbers of positions, got -1 and 0")));
  CHECK_THROWS_MATCHES(measure(BatchDetails(rows).only(9), z), ArgumentError,
                       MessageMatches(ContainsSubstring("only() names position 9, but the activations have 9")));
  CHECK_THROWS_MATCHES(measure(BatchDetails(rows).only({1, -8}), z), ArgumentError,
                       MessageMatches(ContainsSubstring("names position 1 twice")));
  CHECK_THROWS_MATCHES(measure(BatchDetails(rows).only(std::vector<std::int64_t>()), z), ArgumentError,
                       MessageMatches(ContainsSubstring("only() names no position")));
  CHECK_THROWS_MATCHES(measure(BatchDetails(rows).prefix(9), z), SiteError,
                       MessageMatches(ContainsSubstring("of which prefix and suffix take 9")));
  CHECK_THROWS_AS(BatchDetails().only(at::ones({2})), ShapeError);
}

TEST_CASE("a mask leaves out rows and positions of labels of rows", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto z = signal_of(y, kLength, 0.7);
  auto mask = at::ones({kRows, kLength}, at::kBool);
  mask.index_put_({at::arange(10)}, false);
  const auto masked = measure(BatchDetails().outputs({{"class", y}}).mask(mask), z);
  CHECK(layer_of(masked).tokens == (kRows - 10) * kLength);
  const auto rest = measure(BatchDetails().outputs({{"class", y.slice(0, 10)}}), z.slice(0, 10).contiguous());
  CHECK_THAT(layer_of(masked).metrics.at("I(Y;Z)/class"), WithinAbs(layer_of(rest).metrics.at("I(Y;Z)/class"), 1e-6));
  const auto rows = measure(BatchDetails().outputs({{"class", y}}).mask(mask.select(1, 0)), z);
  CHECK(layer_of(rows).tokens == (kRows - 10) * kLength);
}

TEST_CASE("without tokens sizes tell which axis is which", "[monitor][sides]") {
  const auto y = at::arange(kRows).remainder(4);
  const auto patch = at::arange(kRows * kLength).remainder(7).view({kRows, kLength});
  const auto details = BatchDetails().inputs({{"patch", patch}}).outputs({{"class", y}});
  const auto z = signal_of(y, kLength, 0.7);
  const auto one = layer_of(measure(details, z)).metrics;
  const auto other = layer_of(measure(details, z.transpose(0, 1))).metrics;
  for (const char* key : {"I(X;Z)/patch", "I(Y;Z)/class", "share/class/corrected"}) {
    INFO(key);
    CHECK_THAT(other.at(key), WithinAbs(one.at(key), 1e-9));
  }
}

TEST_CASE("bins hold equally many values, and NaN has none", "[monitor][sides]") {
  const auto y = at::cat({at::arange(100, at::kDouble).mul(1.7).sin(), at::full({4}, NAN, at::kDouble)});
  const auto bins = infoplane::equal_count_bins(y, 8);
  REQUIRE(bins.scalar_type() == at::kLong);
  CHECK(bins.slice(0, 0, 100).bincount().max().item<std::int64_t>() == 13);
  CHECK(bins.slice(0, 0, 100).bincount().min().item<std::int64_t>() == 12);
  CHECK(bins.slice(0, 0, 100).bincount().numel() == 8);
  CHECK(bins.slice(0, 100, 104).eq(-1).sum().item<std::int64_t>() == 4);
  const infoplane::EqualCountBins of_reference(y, 8);
  CHECK(of_reference(y).equal(bins));
  CHECK(of_reference(at::tensor({-9.0, 9.0})).equal(at::tensor({0, 7}, at::kLong)));
  CHECK(of_reference(y.to(at::kFloat).view({8, 13})).sizes() == at::IntArrayRef({8, 13}));
  CHECK(infoplane::equal_count_bins(at::zeros({5}), 3).equal(at::full({5}, 2, at::kLong)));  // ties share a bin
  CHECK_THROWS_AS(infoplane::equal_count_bins(y, 1), ArgumentError);
  CHECK_THROWS_AS(infoplane::equal_count_bins(at::full({3}, NAN), 4), ArgumentError);
  CHECK_THROWS_AS(infoplane::equal_count_bins(at::ones({3}, at::kBool), 4), ShapeError);
  CHECK_THROWS_AS(infoplane::equal_count_bins({}, 4), ShapeError);
}
