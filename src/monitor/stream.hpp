#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/hooks/site.hpp>
#include <infoplane/labels/label_index.hpp>
#include <infoplane/monitor/monitor_options.hpp>
#include <infoplane/plane/point.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/ranks.hpp"
#include "monitor/token_views.hpp"

namespace infoplane {

namespace state {
class Reader;
class Writer;
}  // namespace state

/// One stream of a monitor: the label index and an accumulator for each site, filled until a point is taken.
class Stream {
 public:
  Stream(std::string name, const MonitorOptions& options);

  /// Makes the labels of a micro-batch, which the next captures are measured against.
  void begin(std::int64_t step, const HostBatch& batch);

  /// Adds the tensor of a site. @throws SiteError if its shape is not that of the tokens, or its d not that of the
  /// others.
  void capture(const hooks::Site& site, const at::Tensor& tensor);

  /// What was measured since the last point at those of `sites` that ever came, by `names`, one for each site.
  std::vector<estimator::NamedAccumulator> accumulators(const std::vector<hooks::Site>& sites,
                                                        const std::vector<SharedSite>& names) const;

  /// The point of the estimates, with layers in the order of `sites`. A layer that came before, but not since the last
  /// point, has NaN and the reason.
  plane::Point point(double loss, const std::vector<SharedSite>& sites,
                     const std::vector<estimator::NamedEstimate>& estimates) const;

  /// Whether one of `sites` came before, but not since the last point.
  bool misses_any(const std::vector<hooks::Site>& sites) const;

  /// Forgets what was measured since the last point.
  void reset();

  void save(state::Writer& out) const;
  /// Into a stream that has seen nothing. @throws ArgumentError if what the values depend on differs. @throws IoError
  /// if what was saved cannot be a stream.
  void load(state::Reader& in);

  /// Bytes held by the accumulators, the label tables and the last grouping.
  std::int64_t memory_bytes() const noexcept;
  bool empty() const noexcept { return tokens_ == 0; }
  std::int64_t step() const noexcept { return step_; }
  /// What the run header says of the measurement; null before the first capture.
  const estimator::SoftEntropyAccumulator* prototype() const noexcept { return prototype_ ? &*prototype_ : nullptr; }
  const std::string& dtype() const noexcept { return dtype_; }
  const std::vector<std::string>& label_sets() const noexcept { return label_sets_; }

 private:
  struct Layer {
    std::string site;
    estimator::SoftEntropyAccumulator accumulator;
    std::int64_t captures = 0;  // since the last point
  };
  const Layer* find(std::string_view site) const noexcept;

  std::string name_;
  const MonitorOptions options_;
  labels::LabelIndex index_;
  std::optional<estimator::SoftEntropyAccumulator> prototype_;  // empty: copied for each site, which share its anchors
  std::vector<Layer> layers_;
  std::shared_ptr<const labels::Grouping> grouping_;
  std::vector<std::string> label_sets_;
  std::string dtype_;
  std::int64_t sequences_ = 0;
  std::int64_t length_ = 0;
  std::int64_t step_ = -1;
  std::int64_t tokens_ = 0;
};

}  // namespace infoplane
