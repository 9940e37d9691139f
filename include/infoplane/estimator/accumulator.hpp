#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/estimator/assignment/anchors.hpp>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <infoplane/labels/grouping.hpp>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace infoplane::estimator {

/// H(Z|x) of one label.
struct ConditionalEntropy {
  std::vector<std::int64_t> key;  ///< the label: the tokens of an n-gram, oldest first, or one integer
  std::int64_t tokens = 0;        ///< n_x, at least 1
  double entropy_nats = 0;        ///< H(Z|x) in nats
};

struct NamedAccumulator;
struct NamedEstimate;

/// Label tensors by the name of their set.
using NamedLabelTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Sums the soft assignments of representations to anchors, for all tokens and for each label of any number of label
/// sets, and turns the sums into entropies and information.
///
///     p_i    = softmax((z_i / |z_i|) · Wᵀ / ε)          (z_i − c in the place of z_i, where there is a centre c)
///     H(Z)   = −Σ_b P_b log P_b with P the mean of p_i;  H(Z|x) likewise over the tokens with label x
///     I(X;Z) = H(Z) − Σ_x w_x H(Z|x), with H(Z) over the positions that have a label of the set
///
/// Scores, softmax and label rows are float32, the sum over all tokens, sums of more than 512 tokens of a label and the
/// entropies float64. Results are the same on every run and do not depend on how tokens are split into batches (1e-7).
/// Not thread-safe; a copy is independent. Never draws from LibTorch's default generators.
/// Source: Conklin, "Information Structure in Mappings" (arXiv 2505.23960).
class SoftEntropyAccumulator {
 public:
  /// Accumulator for representations of dimension `d`.
  /// @throws ArgumentError unless d ≥ 2, m ≥ 2 and max_labels ≥ 0, or where the calibration has no temperature.
  explicit SoftEntropyAccumulator(std::int64_t d, const SoftEntropyOptions& options = {});

  SoftEntropyAccumulator(const SoftEntropyAccumulator& other);
  SoftEntropyAccumulator(SoftEntropyAccumulator&& other) noexcept;
  SoftEntropyAccumulator& operator=(const SoftEntropyAccumulator& other);
  SoftEntropyAccumulator& operator=(SoftEntropyAccumulator&& other) noexcept;
  ~SoftEntropyAccumulator();

  /// Adds representations without labels.
  ///
  /// `z` is [N, d] or [B, T, d], strided, of float64, float32, float16 or bfloat16, on any device, contiguous or not;
  /// it is read, never kept, and no gradient is recorded whatever the modes of the caller. A row with a NaN, an Inf or
  /// norm 0 is in no sum and counted as rejected; rows of any other magnitude count. Happens whole, or throws and
  /// leaves the accumulator as it was (but for the half of a label that its next tokens go to, where memory ran out).
  ///
  /// Standard errors are between sequences, and each row of a [N, d] is one: give text as [B, T, d], or with a
  /// grouping, which knows its sequences. Otherwise errors are too small.
  ///
  /// With the fused kernels, z on a GPU is queued on the caller's current stream and nobody waits: the update is
  /// counted by a later call, which then also throws what the device has to say, and sums stay on the GPU until
  /// something other than an update or an estimate is asked for. Without them, synchronises with the device of a z not
  /// on the CPU.
  /// @throws ShapeError if z has other axes, another d, or another dtype.
  /// @throws StateError while a CUDA graph is captured, or after an update that a device failed to finish.
  void update(const at::Tensor& z);

  /// Adds representations with the label sets of a micro-batch; N = B · T must be `grouping.positions`, in the order of
  /// [sequence, position]. Positions that the grouping does not count are left out of everything.
  /// @throws ShapeError as above, or if the grouping is for another number of positions.
  /// @throws ArgumentError if a label set is inconsistent, given twice, or has keys of another width than before.
  void update(const at::Tensor& z, const labels::Grouping& grouping);
  /// The same. Where z is on a GPU, the grouping is kept until the update is counted, instead of a copy of it.
  /// @throws ArgumentError if the pointer is null.
  void update(const at::Tensor& z, const std::shared_ptr<const labels::Grouping>& grouping);

  /// Adds representations with integer labels of any integer dtype and device, of shape [N] or the leading axes of z;
  /// −1 and −100 mean "no label".
  /// @throws ShapeError as above, or if a label tensor has another shape or is not of integers.
  /// @throws ArgumentError if a name is empty or given twice.
  void update(const at::Tensor& z, const NamedLabelTensors& labels);

  /// The half of an update that takes z in: the soft assignments, 4 · N · m bytes, are held until `commit` adds them or
  /// `discard` forgets them, and nothing else changes until then. For a batch that counts only if what follows works
  /// out. Errors and waits of `update` come here, but for those of the memory that `commit` needs.
  /// @throws StateError if one is staged already. @throws ShapeError, ArgumentError as `update` does.
  void stage(const at::Tensor& z, const std::shared_ptr<const labels::Grouping>& grouping);
  /// Adds what is staged, with the bits of an `update` made now; without it nothing happens.
  void commit();
  /// Forgets what is staged.
  void discard() noexcept;

  /// With SoftEntropyOptions::centre: takes c from each row from now on, z_i − c, before its norm. `c`: [d] of a
  /// floating dtype on any device (is copied, in float32), such as `Estimate::centre` of earlier tokens; undefined:
  /// none, as at first. `clear`, `reset` and copies keep it, a saved state has it, and accumulators with different ones
  /// cannot be merged. Waits for the device of `c`.
  /// @throws ArgumentError without that option, or if `c` has a NaN or an Inf. @throws ShapeError if it is not [d].
  /// @throws StateError if there are tokens: all tokens have one centre, so `clear` them first.
  void set_centre(const at::Tensor& c);
  /// That centre, float32 [d] on the CPU, not to be written to; undefined where there is none.
  const at::Tensor& centre() const noexcept;

  /// Starts what the next `estimate` needs from a GPU, and waits only for updates that are still under way there:
  /// before the estimates of several layers, so that the GPU works on all of them at once. Nothing where sums are on
  /// the host.
  /// @throws StateError as `update` does.
  void prepare_estimate() const;

  /// All values so far, label sets in order of first appearance. O(labels · m) on the host, or on the GPU that has the
  /// sums: then waits for it.
  Estimate estimate() const;

  /// H(Z|x) of every label of a set, in order of first appearance.
  /// @throws ArgumentError if no such set was seen.
  std::vector<ConditionalEntropy> conditional_entropies(const std::string& name) const;

  /// Forgets all tokens and label sets, and frees their memory.
  void reset() noexcept;
  /// Forgets all tokens and label sets, and keeps their memory on the host for the next ones of the same names.
  void clear() noexcept;

  /// Adds what another accumulator has seen; labels are matched by whole keys. Happens whole or not at all.
  /// @throws ArgumentError if m, d, ε, seed, seed rule, max_labels, the centre or the key width of a set differ; names
  /// each with both values.
  void merge(const SoftEntropyAccumulator& other);

  /// Writes everything seen so far, binary, to be read by `load`. Costs as many bytes as the sums, and 8 a key integer.
  /// @throws IoError if the stream fails.
  void save(std::ostream& out) const;

  /// Replaces everything seen so far by what was saved. What follows gives the same bits as if the process had gone on.
  /// Happens whole or not at all. Reads no more of the stream than was saved.
  /// @throws ArgumentError if m, d, ε, seed, seed rule, label weights, stream or the option of a centre differ; names
  /// each with both values.
  /// @throws IoError if the stream holds no state of an accumulator, one of a newer version, or a damaged one.
  void load(std::istream& in);

  /// Bytes held by sums, label maps, own keys and anchors (key tables of groupings belong to their label index).
  std::int64_t memory_bytes() const noexcept;

  /// Dimension d of the representations.
  std::int64_t dimension() const noexcept;
  /// What it was made with.
  const SoftEntropyOptions& options() const noexcept;
  /// W, and what it was drawn with.
  const Anchors& anchors() const noexcept;
  /// ε.
  double temperature() const noexcept;

 private:
  friend struct AccumulatorAccess;
  friend class EstimationOverRanks;
  friend std::vector<NamedEstimate> estimate_each(const std::vector<NamedAccumulator>& layers);
  struct Impl;
  void update(const at::Tensor& z, const labels::Grouping& grouping,
              const std::shared_ptr<const labels::Grouping>* owner);
  std::unique_ptr<Impl> impl_;
};

}  // namespace infoplane::estimator
