#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hooks/flow.hpp"
#include "hooks/plan.hpp"

namespace infoplane::hooks::detail {

/// An operator that reads a stream with a parameter: the `call`-th time in the pass.
struct Read {
  int parameter;
  std::size_t call;
  Reading reading;
  const at::Tensor* stream;
  std::string_view operator_name;
  const Use* use = nullptr;  ///< that the plan knows from an earlier pass
};

enum class FiredBy : std::uint8_t {
  kOperator,
  kTail,  ///< one behind the last block, which may have the stream transposed
  kTap,
};

/// A tensor that `tap()` handed over under a name of its own.
struct Tapped {
  std::string name;
  std::string source;
  SiteKind kind;
  at::Tensor tensor;
  Flow::Value value = -1;
};

/// Finds out in a pass what the plan does not know yet: in which order blocks run, and which tensors are the streams
/// between them.
///
/// A tensor is taken for the stream that enters a block on evidence only. It is one that was made before any parameter
/// of the block was used, an addition joins it with what the block made of it (x + f(x), where x may be scaled, masked
/// or gated, and f has the block's parameters), and what the block before made of its own stream went into it without
/// a product in between. Where a block adds nothing, its stream is the one tensor that it was handed. Until that is
/// seen the candidates are held, detached; none of them is ever changed by what the forward writes in place.
class SiteResolver {
 public:
  /// Hands over the tensor of a site.
  using Fire = std::function<void(int record, const at::Tensor& tensor, std::string_view operator_name, FiredBy by)>;
  /// A norm that a pattern asks for, and that is the stream of no block.
  using FireNorm =
      std::function<void(int parameter, Reading reading, const at::Tensor& stream, std::string_view operator_name)>;

  SiteResolver(Plan& plan, Fire fire, FireNorm fire_norm);

  /// Nothing more is learnt in this pass: it is complete, or something else begins.
  bool is_over() const noexcept { return is_over_; }
  void stop() noexcept;
  /// Some block of each stack has run.
  bool has_run_through() const noexcept;

  /// The last block of a stack was left since this was asked last.
  bool has_left() noexcept { return std::exchange(has_left_, false); }

  /// An operator with a parameter; whether its stream may be, or is, that of a site.
  bool read(const Read& read);
  /// A table of embeddings.
  void embed(int parameter, std::size_t call);
  /// An operator that makes something of parameters alone.
  void derive(const std::vector<Operand>& operands);
  /// Any other operator. `norm`: fused, without a parameter that is known.
  void plain(std::string_view name, const std::vector<Operand>& operands, bool is_norm, bool has_weight);
  /// To be called after the above.
  void begin(const void* key, std::string_view name, const std::vector<Operand>& operands, bool opaque);
  void end(const void* key, const std::vector<c10::IValue>& results);

  /// Holds what was tapped until it shows whether it is the stream of a site, and fires it as that or by its own name.
  void tap(Tapped tapped);

  /// The forward is over: what is still held is decided.
  void finish();

 private:
  /// Where a value was read.
  struct Spot {
    Flow::Value value = -1;
    const void* data = nullptr;
    at::Tensor tensor;   // detached, or a copy where the forward wrote to it
    int parameter = -1;  // of `kLater`: the last one before, −1 none
    std::size_t call = 0;
    Reading reading = Reading::kOther;
    std::string operator_name;
    int occurrence = 0;
    int operand = 0;
    bool is_norm = false;     // of `kLater`
    bool has_weight = false;  // likewise, of a norm that is not registered
    bool is_outside = false;  // the parameter is of no block
  };

  /// What a block hands on: its last sum, what a norm of its own made of that, or so many norms without a weight.
  enum class Handed : std::uint8_t { kUnknown, kSum, kAfter, kNorms, kOther };
  struct Manner {
    Handed handed = Handed::kUnknown;
    int norms = 0;
  };

  /// A block at work.
  struct BlockUse {
    int block = -1;
    int nth = 0;
    int index = -1;         // place in the order
    int site = -1;          // of the stream that enters
    bool accepted = false;  // has its place in the order
    bool closed = false;    // not accepted, and not to be
    Flow::Value stream = -1;
    Flow::Value sum = -1;    // the last x + f(x)
    Flow::Value after = -1;  // what a norm or a scale of the block made of that
    at::Tensor sum_tensor, after_tensor;
    std::optional<Spot> sum_reader;  // the first operator without parameters that had it
    bool lost_norm = false;          // a norm with a weight that is not registered read it
    bool bare_norm = false;          // likewise, without a weight
    Flow::Value last = -1;           // newest value at the last operator with a parameter of the block
    std::vector<Spot> spots;
    std::set<int> touched;
    Manner inner;  // of its own parts
  };

  struct StackProgress {
    int last = -1;  // accepted use
    bool has_tail = false;
    Manner manner;
  };

  struct Made {
    const void* key = nullptr;
    int use = -1;
    bool is_sum = false;
  };

  /// How the tensor of a site was found.
  struct Found {
    Use use;
    int parameter = -1;
    SiteKind kind = SiteKind::kNormOutput;
    std::string source;
    std::string operator_name;
    at::Tensor tensor;
  };

  struct Tail {
    int use;
    Flow::Value value;
    Spot spot;
    Spot reader;
  };

  // uses of blocks
  void set_anchor(int parameter, std::size_t call);
  int use_of(const Read& read, Flow::Value value);
  std::optional<bool> enter_as_known(int id, const Read& read, Flow::Value value);
  bool hold(int id, const Read& read, Flow::Value value);
  void look_at_reader(std::string_view name, int occurrence, const Operand& operand, bool is_norm, bool has_weight);
  int block_of(const Read& read) const;
  bool starts_again(const BlockUse& use, int id, const Read& read, Flow::Value value);
  int open_use(int block);
  bool is_used_up(const BlockUse& use) const;
  bool waits(int stack) const;
  void enter(int id);
  void release(int id);

  // spots
  Spot spot_of(const Read& read, Flow::Value value) const;
  Spot later_spot(std::string_view name, int occurrence, const Operand& operand, Flow::Value value) const;
  void drop_spots(std::vector<Spot>& spots, const Spot* chosen);
  bool is_asked_for(const Spot& spot) const;
  bool is_whole(const Spot& spot) const;
  bool reads(const Spot& spot, Flow::Value value, const at::Tensor* operand) const;
  const Spot* choose(Flow::Value value, const at::Tensor* operand, const std::vector<Spot>& own) const;
  void preserve(std::string_view name, const std::vector<Operand>& operands);
  void protect(at::Tensor& held, Flow::Value value, const at::Tensor& written);

  // evidence
  void look_at_addition(std::string_view name, const std::vector<Operand>& operands, int occurrence);
  void hold_base(const Operand& a, const Operand& b, std::string_view name, int occurrence);
  void look_at_pair(const Operand& a, const Operand& b, std::string_view name, int occurrence);
  bool waits_for_evidence(int id, Flow::Value value) const;
  Flow::Value stream_of_pair(int id, Flow::Value base, Flow::Value step) const;
  void note_sum(Flow::Value base, Flow::Value step);
  bool accept(int id, Flow::Value value, const Operand* operand, std::string_view name, int occurrence);
  int site_for(int id, int owner);
  void settle(int id, int owner, Flow::Value value, const Spot* spot, const at::Tensor* operand);
  Found found_at(const Flow::Norm& norm, Flow::Value value, int block) const;
  Found found_at(const Spot& spot, Flow::Value value) const;
  Found found_at_entry(const BlockUse& use, const Spot& spot, Flow::Value value, const at::Tensor* operand) const;
  Found found_at_exit(const Flow::Norm& norm, Flow::Value value, int block, const Spot* spot,
                      const at::Tensor* operand) const;
  void name_site(int site, const Found& found, int index, int stack);
  void plan_site(const Found& found, const BlockUse& use, bool is_output);
  void fire_found(int site, Flow::Value value, const Found& found, FiredBy by);
  void note_manner(const BlockUse& use, Flow::Value handed, bool is_norm);
  void drop_norm_site(const Found& found);
  at::Tensor result_of(const Flow::Norm& norm, Flow::Value value) const;
  bool continues(int id, Flow::Value value) const;
  bool is_handed_on(int id, Flow::Value value) const;
  bool is_whole_start(Flow::Value value) const;
  int owner_of(Flow::Value value) const;
  void resolve(int id, int next_block);
  void resolve_makers(int id, Flow::Value value);
  bool is_like_others(int block, int before, int after) const;
  const Spot* only_spot(const BlockUse& use, int before) const;
  void take_blindly(int id);
  Flow::Value weightless_input(Flow::Value value) const;
  Manner manner_from(const BlockUse& use, Flow::Value value) const;
  const Flow::Norm* own_norm(Flow::Value value, int id) const;
  void doubt(int id);

  // tails
  bool look_outside(const Read& read, Flow::Value value);
  bool leave_as_known(const Use& tail, Flow::Value value);
  int last_use_in(Flow::Value value) const;
  bool look_at_tail(int id, const Spot& given);
  Manner manner_of(const BlockUse& use) const;
  Flow::Value expected(const BlockUse& use) const;
  bool is_replaced(const BlockUse& use, const at::Tensor& stream) const;
  std::optional<Tail> find_tail(int id, const Spot& given) const;
  std::optional<Tail> tail_without_sum(int id, const Spot& given) const;
  std::vector<Flow::Value> weightless_chain(Flow::Value value, Flow::Value out) const;
  std::optional<Tail> tail_among_norms(int id, const Spot& given, const std::vector<Flow::Value>& chain,
                                       int behind) const;
  std::optional<Tail> tail_behind(int id, Flow::Value out, const Spot& given) const;
  void accept_tail(const Tail& tail);
  void add_end(const Spot& spot);
  void stop_if_complete();
  void finish_stack(int stack);

  // taps
  bool settle_taps(int record, Flow::Value value);
  void sort_out(std::vector<Tapped> taps, int index);
  void flush(std::vector<Tapped> taps, bool by_order);

  Plan& plan_;
  Fire fire_;
  FireNorm fire_norm_;
  Flow flow_;
  bool is_over_ = false;
  bool has_left_ = false;
  std::vector<BlockUse> uses_;
  std::vector<int> current_;                          // of each block, the last use
  std::vector<bool> was_resolved_;                    // of each block, before this pass
  std::set<int> sites_;                               // that were settled in this pass
  std::vector<std::pair<int, Flow::Value>> outputs_;  // likewise, at tails
  std::set<int> outside_;                             // parameters outside of blocks, read in this pass
  std::vector<StackProgress> stacks_;
  int latest_ = -1;   // accepted use
  int running_ = -1;  // use whose parameter the operator that runs has
  int by_ = Flow::kNoParameter;
  std::set<int> derived_;
  std::vector<Spot> zone_;  // what was read since the last parameter of the block at work
  int anchor_ = -1;
  std::size_t anchor_call_ = 0;
  std::map<std::string, int, std::less<>> since_anchor_;
  Made made_;
  bool bare_step_ = false;
  std::optional<std::pair<int, std::size_t>> norm_;  // the operator that begins is a fused one
  std::optional<Tail> tail_;
  std::vector<Tapped> taps_;
};

}  // namespace infoplane::hooks::detail
