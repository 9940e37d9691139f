#pragma once

#include <infoplane/hooks/watch.hpp>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hooks/discovery.hpp"
#include "hooks/module_tree.hpp"

namespace infoplane::hooks::detail {

/// Where a stream stands, seen from an operator that has a parameter.
enum class Reading {
  kNorm,    ///< fused norm: operand 0
  kGain,    ///< product with the gain of a hand-written norm: the other operand
  kOther,   ///< the first operand that is no parameter
  kOutput,  ///< fused norm: what it returns
  kLater,   ///< an operand of an operator without parameters that comes before the next one with a parameter
};

/// One use of a parameter in a pass: which site its stream is.
struct Use {
  std::size_t call = 0;  ///< of this parameter, from 0; of a use without a parameter, none
  Reading reading = Reading::kNorm;
  int site = -1;              ///< −1: none, the use is that of a block or a tail that is read elsewhere
  int block = -1;             ///< that begins here
  bool is_tail = false;       ///< the last block of a stack has ended
  bool at_addition = false;   ///< the operator has it in another layout; the addition x + f(x) has it as it is
  std::string operator_name;  ///< of `kLater`, with which of that name it is, from 1, and of its tensors, from 0
  int occurrence = 0;
  int operand = 0;
};

/// A site with what happened to it so far.
struct SiteRecord {
  Site site;
  int stack = 0;
  bool wanted = false;
  bool dropped = false;  ///< turned out to be another site, or none
  std::int64_t hits = 0;
  std::int64_t repeats = 0;
  std::string operator_name;
  std::vector<std::int64_t> shape;
  std::string doubt;  ///< why no tensor was taken for it
};

struct Parameter {
  at::Tensor tensor;               // held, so that its identity stays its own
  std::vector<std::string> names;  // several for a tied one
  std::vector<int> blocks;         // the blocks that it belongs to; empty outside all blocks
  bool is_buffer = false;
  bool norm_like = false;
  bool asked_for = false;  // a pattern names this norm
  std::vector<Use> uses;
};

struct Block {
  std::string path;
  int stack = 0;
  bool resolved = false;     // where the stream enters it is known
  bool dismissed = false;    // numbered like a block, but none: an embedding or a head in one container with the blocks
  std::vector<int> indices;  // place in the order of the forward, one for each use of the block
};

struct StackState {
  std::string container;
  std::string embedding;  // name of the stream that enters the first block
  std::vector<int> blocks;
  bool expects_tail = false;  // there are parameters behind the blocks that could show the last output
  bool tail_resolved = false;
  bool post_norm = false;  // its streams are read at the outputs of norms
};

/// The kind of site that a reading makes.
SiteKind kind_of(Reading reading) noexcept;

/// The user's own code handed the tensor over, so that no operator has to tell what it is.
bool is_handed_over(SiteKind kind) noexcept;

/// What a watcher was given.
enum class Root {
  kNone,    ///< taps only
  kModule,  ///< a torch::nn::Module
  kScript,  ///< a torch::jit::Module
};

/// What a watcher knows of its model: from the tree at once, from the first observed pass the rest.
class Plan {
 public:
  Plan() = default;
  Plan(const std::vector<NamedTensor>& tensors, WatchOptions options, Root root);

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
  /// Likewise of a tensor that has the memory, sizes and strides of a parameter: TorchScript detaches parameters before
  /// it runs code that it differentiates itself. Of scripts only; else −1.
  int find_alias(const at::Tensor& tensor) const;
  int find_name(std::string_view name) const noexcept;

  /// Index of the record of that name, or −1.
  int find_record(std::string_view name) const noexcept;
  /// Likewise, made where there is none.
  int record(const std::string& name);
  /// Says what the record is after all, and whether it is wanted.
  void refine(int record, SiteKind kind, const std::string& source, int index, int stack);

  /// The record of a tap that handed over the tensor of a site of the tree, under another name; −1 for any other.
  int tapped(std::string_view name) const noexcept;
  void set_tapped(const std::string& name, int record) { tapped_[name] = record; }

  /// The name of `parameter` inside `block` (any name for −1).
  const std::string& name_in(const Parameter& parameter, int block) const;

  /// Name of the output of the `use`-th use of a block.
  std::string output_name(int block, int use) const;

  /// The `use`-th use of this block has that place in the order of the forward.
  void place(int block, int use, int index);

  /// A use of a parameter, or (−1) of none: what comes before any parameter in a pass.
  void add_use(int parameter, Use use) { (parameter < 0 ? first_uses_ : parameters_[parameter].uses).push_back(use); }
  const std::vector<Use>& first_uses() const noexcept { return first_uses_; }

  /// The module is no block: its parameters are like those outside of all blocks.
  void dismiss(int block);
  /// Their parameters have the same names and numbers of axes.
  bool are_alike(int block, int other) const;

  /// Something is still to be learnt from a pass.
  bool resolving() const noexcept { return resolving_; }
  /// Operators beyond fused norms, and results, are of interest.
  bool reads_all_operators() const noexcept { return reads_all_; }
  bool reads_results() const noexcept { return reads_results_; }
  /// Any operator is of interest at all: not for a watcher of taps alone.
  bool reads_operators() const noexcept { return !parameters_.empty() || has_module(); }
  /// No blocks were found, as in a model whose modules are not registered: each fused norm is a site, in the order of
  /// calls.
  bool reads_any_norm() const noexcept { return has_module() && stacks_.empty(); }

  bool has_module() const noexcept { return root_ != Root::kNone; }
  bool is_script() const noexcept { return root_ == Root::kScript; }

  /// A pattern names norms, which may be read wherever they are used.
  bool asks_for_norms() const noexcept { return asks_for_norms_; }

  /// Before a pass over a script: where the memory of parameters is now, which a move to another device changes; and
  /// what TorchScript may have rewritten since the last pass has to be learnt anew.
  void begin_pass();
  /// After a pass: whether the blocks are all known, and what the next pass has to look at.
  void settle();
  /// The wanted sites in order.
  std::vector<Site> sites() const;
  /// Patterns that no site matches.
  std::vector<std::string> unmatched_patterns() const;

 private:
  void add_tensors(const std::vector<NamedTensor>& tensors);
  void find_blocks();
  void add_stack(const Stack& stack);
  void find_blocks_of(Parameter& parameter) const;
  void make_stream_sites();
  bool reads_rewritable() const;
  void unlearn();
  std::string entry_of(int block) const;
  std::string tail_of(const StackState& stack) const;
  void make_norm_sites();
  bool matches_name(const std::string& pattern, const SiteRecord& record) const;
  bool matches(std::size_t pattern, const SiteRecord& record) const;
  bool is_wanted(const SiteRecord& record) const;
  bool is_open() const;
  bool misses_streams() const;
  std::string stack_of(const Site& site, int stack) const;

  WatchOptions options_;
  std::vector<bool> names_norms_;  // of each pattern
  std::vector<Parameter> parameters_;
  std::unordered_map<const c10::TensorImpl*, int> by_identity_;
  std::unordered_map<const void*, std::vector<int>> by_memory_;  // of a script's parameters
  std::vector<Block> blocks_;
  std::vector<StackState> stacks_;
  std::vector<SiteRecord> records_;
  std::vector<Use> first_uses_;
  std::map<std::string, int, std::less<>> tapped_;
  bool resolving_ = false;
  bool relearns_ = false;  // what is read at operators without parameters, in every pass
  bool reads_all_ = false;
  bool reads_results_ = false;
  bool asks_for_norms_ = false;
  Root root_ = Root::kNone;
};

}  // namespace infoplane::hooks::detail
