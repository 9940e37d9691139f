#pragma once

#include <infoplane/hooks/watch.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hooks/discovery.hpp"
#include "hooks/module_tree.hpp"

namespace infoplane::hooks::detail {

/// How an operator reads a parameter, which says where its stream stands.
enum class Reading {
  kNorm,        ///< fused norm: operand 0
  kGain,        ///< product with the gain of a hand-written norm: the other operand
  kOther,       ///< the first operand that is no parameter
  kBehindNorm,  ///< likewise, which is what a norm without a weight returned: what entered that norm
};

/// A site with what happened to it so far.
struct SiteRecord {
  Site site;
  int stack = 0;
  bool wanted = false;
  bool dropped = false;  ///< turned out to be another site
  std::int64_t hits = 0;
  std::int64_t repeats = 0;
  std::string operator_name;
  std::vector<std::int64_t> shape;
};

/// One use of a parameter in a pass: which site its stream is, and which block begins there (−1 the tail of a stack).
struct Use {
  int site = -1;
  int block = -1;
};

struct Parameter {
  at::Tensor tensor;               // held, so that its identity stays its own
  std::vector<std::string> names;  // several for a tied one
  std::vector<int> blocks;         // the blocks that it belongs to; empty outside all blocks
  bool is_buffer = false;
  bool norm_like = false;
  bool asked_for = false;  // a pattern names this norm
  Reading reading = Reading::kNorm;
  std::vector<Use> uses;  // in the order of calls
  int output_site = -1;   // post-norm: the site that is this norm's output
};

struct Block {
  std::string path;
  int stack = 0;
  bool resolved = false;     // where the stream enters it is known
  std::vector<int> indices;  // place in the order of the forward, one for each use of the block
};

struct StackState {
  std::string container;
  std::string embedding;  // name of the stream that enters the first block
  std::vector<int> blocks;
  bool expects_tail = false;  // there are parameters behind the blocks that could show the last output
  bool tail_resolved = false;
  bool post_norm = false;
};

/// The kind of site that a reading makes.
SiteKind kind_of(Reading reading) noexcept;

/// The user's own code handed the tensor over, so that no operator has to tell what it is.
bool is_handed_over(SiteKind kind) noexcept;

/// What a watcher knows of its model: from the tree at once, from the first observed pass the rest.
class Plan {
 public:
  Plan() = default;
  Plan(const std::vector<NamedTensor>& tensors, WatchOptions options, bool has_module);

  const WatchOptions& options() const noexcept { return options_; }
  std::vector<Parameter>& parameters() noexcept { return parameters_; }
  const Parameter& parameter(int index) const noexcept { return parameters_[index]; }
  std::vector<Block>& blocks() noexcept { return blocks_; }
  std::vector<StackState>& stacks() noexcept { return stacks_; }
  const std::vector<StackState>& stacks() const noexcept { return stacks_; }
  const std::vector<Block>& blocks() const noexcept { return blocks_; }
  std::vector<SiteRecord>& records() noexcept { return records_; }
  const std::vector<SiteRecord>& records() const noexcept { return records_; }

  /// Index of a parameter or buffer by identity, or −1.
  int find(const c10::TensorImpl* tensor) const noexcept {
    const auto position = by_identity_.find(tensor);
    return position == by_identity_.end() ? -1 : position->second;
  }
  int find_name(std::string_view name) const noexcept;

  /// Index of the record of that name, or −1.
  int find_record(std::string_view name) const noexcept;
  /// Likewise, made where there is none.
  int record(const std::string& name);
  /// Says what the record is after all, and whether it is wanted.
  void refine(int record, SiteKind kind, const std::string& source, int index, int stack);

  /// The name of `parameter` inside `block` (any name for −1).
  const std::string& name_in(const Parameter& parameter, int block) const;

  /// Name of the output of the `use`-th use of a block.
  std::string output_name(int block, int use) const;

  /// The next use of this block has that place in the order of the forward.
  void place(int block, int index);

  /// The stream between the blocks of this stack is the output of the norm at `path` inside each block.
  void set_post_norm(int stack, std::string_view path);

  /// Something is still to be learnt from a pass.
  bool learning() const noexcept { return learning_; }
  /// Operators beyond fused norms, and results, are of interest.
  bool reads_all_operators() const noexcept { return reads_all_; }
  bool reads_results() const noexcept { return reads_results_; }
  /// Any operator is of interest at all: not for a watcher of taps alone.
  bool reads_operators() const noexcept { return !parameters_.empty() || has_module_; }
  /// No blocks were found, as in a model whose modules are not registered: each fused norm is a site, in the order of
  /// calls.
  bool reads_any_norm() const noexcept { return has_module_ && stacks_.empty(); }

  /// A pattern names norms, which may be read wherever they are used.
  bool asks_for_norms() const noexcept { return asks_for_norms_; }

  /// After a pass: whether the blocks are all known, and what the next pass has to look at.
  void settle();
  /// The wanted sites in order.
  std::vector<Site> sites() const;
  /// Patterns that no site matches.
  std::vector<std::string> unmatched_patterns() const;

 private:
  void add_tensors(const std::vector<NamedTensor>& tensors);
  void find_blocks();
  void make_sites();
  bool matches(const std::string& pattern, const SiteRecord& record) const;
  std::string stack_of(const Site& site, int stack) const;

  WatchOptions options_;
  std::vector<Parameter> parameters_;
  std::unordered_map<const c10::TensorImpl*, int> by_identity_;
  std::vector<Block> blocks_;
  std::vector<StackState> stacks_;
  std::vector<SiteRecord> records_;
  bool learning_ = false;
  bool reads_all_ = false;
  bool reads_results_ = false;
  bool asks_for_norms_ = false;
  bool has_module_ = false;
};

}  // namespace infoplane::hooks::detail
