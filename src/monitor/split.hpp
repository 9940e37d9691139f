#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/estimator/estimate_each.hpp>
#include <infoplane/hooks/site.hpp>
#include <infoplane/labels/label_index.hpp>
#include <infoplane/monitor/monitor_options.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/batch_positions.hpp"
#include "monitor/centres.hpp"
#include "monitor/dropped.hpp"
#include "monitor/model_facts.hpp"
#include "monitor/rank_report.hpp"
#include "monitor/shape_advice.hpp"
#include "monitor/token_views.hpp"

namespace infoplane {

namespace state {
class Reader;
class Writer;
}  // namespace state

/// Of a site's accumulator: that of the site for the first draw.
std::string name_of_draw(const std::string& site, std::size_t draw);

/// One split of a monitor, train or held-out: the label index and an accumulator for each site, filled until a point is
/// taken.
///
/// A micro-batch is between `begin` and `keep` or `take_back`, and counts whole or not at all. Those of one window,
/// which ends at a logged step, add up; what is held of another window is dropped when a micro-batch comes.
class Split {
 public:
  /// `facts` is borrowed.
  Split(std::string name, const MonitorOptions& options, ModelFacts& facts);

  /// What some sites read.
  struct Row {
    std::string sites;  // pattern; empty: all
    HostBatch batch;
  };
  /// Makes the labels of a micro-batch, which the next captures are measured against.
  void begin(std::int64_t step, std::vector<Row> rows);

  /// Takes the tensor of a site in, or, with `positions`, its rows of some of the tokens. @throws SiteError if its
  /// shape is not that of the tokens, nothing shows which axis is which, or its d is not that of the others.
  void capture(const hooks::Site& site, const at::Tensor& tensor, hooks::AxisMatch match,
               const at::Tensor& positions = {});

  /// Ends the micro-batch: counts it if its forward reached the site at which forwards end, of `sites`.
  /// @throws SiteError if it passed several stacks of blocks that are not known to read the tokens, or if no site has
  /// the positions of what was given.
  void keep(const std::vector<hooks::Site>& sites);
  /// Ends the micro-batch as if it had not been observed, but for the next point's reasons.
  void take_back(Dropped::Cause cause) noexcept;
  /// Forgets what was measured since the last point, but for the next point's reasons.
  void drop(Dropped::Cause cause);

  /// What was measured since the last point at those of `sites` that ever came, by `names`, one for each site and draw
  /// (name_of_draw).
  std::vector<estimator::NamedAccumulator> accumulators(const std::vector<hooks::Site>& sites,
                                                        const std::vector<SharedSite>& names) const;

  /// Whether one of `sites` came before, but not since the last point.
  bool misses_any(const std::vector<hooks::Site>& sites) const;

  /// After a point: forgets what was measured, and what the point has said of what was dropped.
  void reset();

  /// After a point, and its `reset`: takes what its window found as the centres of the next.
  void learn_centres(const plane::Point& point, const std::vector<estimator::NamedEstimate>& estimates,
                     const std::vector<hooks::Site>& sites, const std::vector<SharedSite>& names);
  Centres& centres() noexcept { return centres_; }

  void save(state::Writer& out) const;
  /// Into a split that has seen nothing. @throws ArgumentError if what the values depend on differs. @throws IoError
  /// if what was saved cannot be a split.
  void load(state::Reader& in, std::uint32_t version);

  /// "train" or "heldout".
  const std::string& name() const noexcept { return name_; }
  /// Bytes held by the accumulators, the label tables and the last grouping.
  std::int64_t memory_bytes() const noexcept;
  bool empty() const noexcept { return held_.tokens == 0; }
  /// Whether the window has something to say: tokens, or a forward that ended early where it is known what is measured.
  bool has_window() const noexcept { return !empty() || (ended_early_ && !prototypes_.empty()); }
  /// Whether a forward of this window ended before its last site.
  bool ended_early() const noexcept { return ended_early_; }
  const Dropped& dropped() const noexcept { return dropped_; }
  std::int64_t step() const noexcept { return step_; }
  /// What the run header says of the measurement; null before the first capture.
  const estimator::SoftEntropyAccumulator* prototype() const noexcept {
    return prototypes_.empty() ? nullptr : &prototypes_.front().draws.front();
  }
  /// d of a site, 0 where it never came; and the pattern of the tokens that it reads, empty where all read the same.
  std::int64_t width_of(std::string_view site) const noexcept;
  std::string row_of(const hooks::Site& site) const;
  const std::string& dtype() const noexcept { return dtype_; }
  const std::vector<std::string>& label_sets() const noexcept { return label_sets_; }

 private:
  using Draws = std::vector<estimator::SoftEntropyAccumulator>;  // of the anchors, each with an accumulator
  struct Layer {
    std::string site;
    Draws draws;
    std::int64_t captures = 0;  // since the last point
    std::size_t prototype = 0;
  };
  /// Copied for each site of its width, which share anchors.
  struct Prototype {
    std::int64_t width;
    Draws draws;
  };
  /// The labels of a window.
  struct Indexes {
    labels::LabelIndex of_tokens;
    labels::LabelIndex without_tokens;  // for positions without them
  };
  struct Reader {
    std::string sites;
    std::unique_ptr<BatchPositions> positions;
    hooks::Site misfit;  // the first site of other positions, for messages
    std::vector<std::int64_t> misfit_sizes;
  };
  void measure(const hooks::Site& site, const at::Tensor& z, const std::shared_ptr<const labels::Grouping>& grouping);
  const Layer* find(std::string_view site) const noexcept;
  std::int64_t logged_step_of(std::int64_t step) const noexcept;
  bool came(std::string_view site) const noexcept;
  /// The site that the forward came to last.
  std::string end_of_forward(const std::vector<hooks::Site>& sites) const;
  void forget_tokens(Layer& layer) const noexcept;
  static void discard(Layer& layer) noexcept;
  void set_centre(Layer& layer) const;
  void reset_window();
  /// Of representations of that width.
  std::size_t prototype_of(std::int64_t width);
  Indexes& index_of(const std::string& pattern);
  Reader& reader_of(const hooks::Site& site);
  std::string misfit_text(const Reader& reader, const hooks::Site& site, c10::IntArrayRef sizes) const;
  void require_fitted() const;
  std::int64_t counted() const noexcept;
  void note_label_sets(const labels::Grouping* grouping);
  void load_prototypes(state::Reader& in, std::uint32_t version);
  bool time_comes_first() const noexcept;
  AxisOrder order_of(const Reader& reader, const hooks::Site& site, c10::IntArrayRef sizes, std::int64_t length,
                     hooks::AxisMatch match);

  std::string name_;
  const MonitorOptions options_;
  ModelFacts& facts_;
  std::map<std::string, Indexes> indexes_;  // by the pattern of the sites
  std::vector<Prototype> prototypes_;       // in the order in which their widths came
  std::vector<Layer> layers_;
  Centres centres_;
  std::vector<std::string> label_sets_;
  std::string dtype_;
  std::int64_t step_ = -1;         // of the last micro-batch, whether it counts or not
  std::int64_t logged_ = -1;       // the logged step of the window
  std::int64_t last_logged_ = -1;  // that of the last window with a micro-batch
  Dropped::Tally held_;            // of the window
  bool ended_early_ = false;
  Dropped dropped_;

  // of the last micro-batch
  std::vector<Reader> readers_;
  std::vector<std::string> patterns_;  // of the last micro-batch with several rows
  std::vector<std::size_t> came_;      // layers, in the order of the forward
  std::size_t layers_before_ = 0;
  bool open_ = false;
  bool is_first_ = true;  // of its window, which holds nothing else: then what it adds need not wait
};

}  // namespace infoplane
