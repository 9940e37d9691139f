#pragma once

#include <cstdint>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/option.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <infoplane/labels/label_index.hpp>
#include <infoplane/runs/run_header.hpp>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace infoplane {

/// One or more site patterns; made from a string, a list of strings or a vector of them.
class SitePatterns : public std::vector<std::string> {
 public:
  using std::vector<std::string>::vector;
  /// Of one pattern, or of several.
  SitePatterns(const char* pattern) : vector{pattern} {}  // NOLINT: implicit on purpose
  /// Of one pattern, or of several.
  SitePatterns(std::string pattern) : vector{std::move(pattern)} {}  // NOLINT
  /// Of one pattern, or of several.
  SitePatterns(std::vector<std::string> patterns) : vector(std::move(patterns)) {}  // NOLINT
};

/// Which of the two leading axes of an activation counts the sequences.
enum class AxisOrder : std::uint8_t {
  kAuto,        ///< as its sizes, or the tokens that the model looked up, show
  kBatchFirst,  ///< [B, T, d], or [B · T, d]
  kTimeFirst,   ///< [T, B, d], or [T · B, d]
};

/// What a Monitor watches, when, and how it measures.
struct MonitorOptions {
  /// Patterns of the sites, as in `hooks::WatchOptions::sites` ("blocks.*", "embedding", "blocks.*.ln1"), or "auto":
  /// the embedding, the output of each block, and what is tapped.
  INFOPLANE_ARG(SitePatterns, sites) = "auto";
  /// Patterns of names that only `tap` in the model's code has, beside `sites` that name some of the model's. "auto"
  /// has them all.
  INFOPLANE_ARG(SitePatterns, taps);
  /// Which modules are the blocks, as in `hooks::WatchOptions::blocks` ("stages.*.layers.*"); empty: the outermost
  /// repeated ones. Over ranks the same everywhere, but for pipelines.
  INFOPLANE_ARG(std::string, blocks);
  /// A point is logged at every step that this divides.
  INFOPLANE_ARG(std::int64_t, every) = 50;
  /// Steps whose micro-batches make a point of the `train` split: the logged step and the w − 1 before it. 1 ≤ w ≤
  /// every; 0: as many as bring 4096 tokens and 16 sequences over all ranks, found at the first point, which has one
  /// step's. What was observed before those, and whose `end_step` did not come, is dropped.
  INFOPLANE_ARG(std::int64_t, window) = 0;
  /// n-gram label sets.
  INFOPLANE_ARG(labels::LabelOptions, labels);
  /// Anchors, temperature, label weights.
  INFOPLANE_ARG(estimator::SoftEntropyOptions, estimator);
  /// Draws of the anchors that held-out points are measured with, at least 1. Values are means over the draws, and how
  /// much they differ is in their errors and, alone, in `<key>/draw_error`: what another model with the same
  /// representation, turned, would differ by. Costs as many times as much as one. The first draw is that of
  /// `estimator`.
  INFOPLANE_ARG(std::int64_t, draws) = 1;
  /// IB curves of the data, by the order whose joint they were solved on ("unigram" … "quadgram"): points then have
  /// `curve_gap/<order>` beside `distance/<order>`, with its corrected value and error (plane::add_curve_gap), and the
  /// run file's header the curve.
  using Curves = std::map<std::string, infoplane::bound::IbCurve>;
  /// All curves at once; `bound` adds one.
  INFOPLANE_ARG(Curves, curves);
  /// Tokens, and all that comes with them, come as [T, B].
  INFOPLANE_ARG(bool, time_major) = false;
  /// Axes of the activations, whatever those of the tokens. kAuto: sizes tell where B ≠ T, and what they told of a site
  /// holds from then on. Where they do not tell, the model's embedding does, if it looked up the tokens given to
  /// `observe` (or their transpose). Where neither does, [N, d] is in the order of the tokens, three axes are [T, B, d]
  /// with `time_major`, and an error without.
  INFOPLANE_ARG(AxisOrder, activations) = AxisOrder::kAuto;
  /// All stacks of blocks in `sites` read the tokens given to `observe`. False: one does, and more are an error, unless
  /// the model's operators show that they do: layers of an encoder must not be measured against a decoder's tokens.
  INFOPLANE_ARG(bool, stacks_share_tokens) = false;
  /// Targets may be the tokens themselves, as in a copy task. False: an error where they are, everywhere, because the
  /// targets of a language model are the tokens that follow.
  INFOPLANE_ARG(bool, targets_repeat_tokens) = false;
  /// Over ranks: false where this rank's activations repeat those of another, as in tensor parallelism, where one rank
  /// of each group counts. Such a rank measures nothing, but takes part in the points.
  INFOPLANE_ARG(bool, counts) = true;
  /// Over ranks: ranks that give the same number have parts of the same sequences, as in sequence and context
  /// parallelism (see BatchDetails::positions); −1: each rank has sequences of its own.
  INFOPLANE_ARG(std::int64_t, sequence_group) = -1;
  /// Over ranks: ranks may have different layers, as in pipeline parallelism.
  INFOPLANE_ARG(bool, pipeline) = false;
  /// Blocks that come before the first one of this rank's model, which counts its own from 0. Block k is then called
  /// k + first_block, and the residual stream that enters the first is the output of block first_block − 1.
  INFOPLANE_ARG(std::int64_t, first_block) = 0;
  /// Name of the run in its header.
  INFOPLANE_ARG(std::string, run) = "run";
  /// Anything of the trainer that the header should keep: learning rate, data, commit.
  using Details = std::map<std::string, runs::ConfigValue>;
  /// The details by their name.
  INFOPLANE_ARG(Details, details);

 public:
  /// Adds one of the curves.
  MonitorOptions& bound(const std::string& order, infoplane::bound::IbCurve curve) & {
    curves_.insert_or_assign(order, std::move(curve));
    return *this;
  }
  /// The same for a temporary.
  MonitorOptions&& bound(const std::string& order, infoplane::bound::IbCurve curve) && {
    return std::move(this->bound(order, std::move(curve)));
  }
};

}  // namespace infoplane
