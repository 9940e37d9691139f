#pragma once

#include <ATen/core/ivalue.h>

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "hooks/plan.hpp"

namespace infoplane::hooks::detail {

/// Follows the operators of one scope and tells which of them carry a site. Knows nothing of where operators come from.
///
/// What it looks for: the stream that enters a block is the data operand of the first operator that has a parameter of
/// this block among its operands, be it a fused norm, the gain of a hand-written one, or a linear map; what comes after
/// the last block (final norm or head) likewise. Tensors made of parameters alone (transposes, casts, sums of adapters)
/// stand for the parameter they came from.
class Pass {
 public:
  using Emit = std::function<void(const Site&, const at::Tensor&)>;

  /// `plan` is borrowed and learns.
  Pass(Plan& plan, Emit emit);

  /// An operator begins. `key` identifies it until its end.
  void start(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs);
  /// It ended; without results where nobody asked LibTorch for them.
  void end(const void* key, const std::vector<c10::IValue>& results);
  void tap(std::string_view name, const at::Tensor& tensor, SiteKind kind);
  /// Sites that have come.
  int fires() const noexcept { return fires_; }
  /// Every site that can come in this pass has come, so that no further operator is of interest.
  bool is_done() const;
  /// The scope ends.
  void finish();

 private:
  enum class Operator {
    kNorm,
    kProduct,  ///< element by element
    kEmbedding,
    kOfLists,  ///< of optimizers
    kOther,
  };
  enum class Source : std::uint8_t { kNone, kOperator, kTap };

  struct Operands {
    int parameter = -1;
    const at::Tensor* parameter_tensor = nullptr;  ///< or what stands for it
    const at::Tensor* stream = nullptr;
    bool only_parameters = true;
    bool first_is_parameter = false;
  };
  enum class Role : std::uint8_t {
    kShield,  ///< what runs inside this operator is its own affair
    kNorm,    ///< likewise, and its result is a norm's
    kDerive,  ///< its results stand for the parameter
  };
  struct Running {
    const void* key;
    int parameter;
    Role role;
  };
  /// A norm without a weight belongs to no block, so it is read where the next operator with a parameter is.
  struct WeightlessNorm {
    at::Tensor input;  // detached, until that operator
    std::optional<c10::weak_intrusive_ptr<c10::StorageImpl>> result_storage;
    const void* result_data = nullptr;

    bool returned(const at::Tensor& tensor) const;
  };
  struct Derived {
    c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> tensor;
    int parameter;
  };

  // what an operator reads
  static Operator classify(std::string_view name) noexcept;
  int find(const at::Tensor& tensor) const noexcept;
  Operands find_operands(Operator op, std::string_view name, c10::ArrayRef<const c10::IValue> inputs) const;
  void derive(const std::vector<c10::IValue>& results, int parameter);
  static bool has_no_weight(c10::ArrayRef<const c10::IValue> inputs);

  void start_embedding(int parameter, c10::ArrayRef<const c10::IValue> inputs);
  void start_norm(const void* key, int parameter, const char* name, c10::ArrayRef<const c10::IValue> inputs);
  bool read(int parameter, Reading reading, const at::Tensor& stream);
  void read_asked_norm(int parameter, Reading reading, const at::Tensor& stream);
  void fire_stream(int record, Reading reading, const at::Tensor& stream);
  void fire_tail(int record, const at::Tensor& stream);
  void look_for_residual(std::string_view name, c10::ArrayRef<const c10::IValue> inputs);
  void fire_any_norm(c10::ArrayRef<const c10::IValue> inputs);
  void run(const void* key, int parameter, Role role);
  void fire(int record, const at::Tensor& tensor, Source source);
  void mark(const Use& use);
  static SiteKind kind_of_stream(Reading reading, const at::Tensor& stream);

  // learning
  bool learn(int parameter, Reading reading, const at::Tensor& stream);
  bool learn_block(int block, int parameter, Reading reading, const at::Tensor& stream);
  bool learn_post_norm(int block, const at::Tensor& stream);
  bool learn_tail(int parameter, Reading reading, const at::Tensor& stream);
  bool is_used_up(int block) const;
  void enter(int block);
  int last_index() const;

  Plan& plan_;
  Emit emit_;
  std::string_view operator_name_;
  std::vector<Running> running_;
  int shields_ = 0;
  std::vector<Derived> derived_;
  std::vector<Source> fired_;
  int fires_ = 0;
  std::vector<std::size_t> calls_;  // of each parameter
  std::vector<bool> touched_;       // parameter seen in this pass
  std::vector<int> entered_;        // how often, of each block
  std::vector<bool> stack_entered_;
  int last_block_ = -1;
  bool complete_ = false;  // the tail was seen: what follows is another forward
  std::optional<c10::weak_intrusive_ptr<c10::StorageImpl>> last_norm_storage_;
  std::optional<c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>> last_norm_result_;
  const void* last_norm_data_ = nullptr;
  int last_norm_ = -1;
  WeightlessNorm weightless_;
  at::Tensor transposed_;  // entered a linear map in another layout than the stream's; detached, held until its
                           // residual addition or the next block
  int transposed_record_ = -1;
  std::vector<std::int64_t> layout_;  // sizes of the last stream
  std::vector<std::pair<std::string, int>> tap_calls_;
  bool numbers_taps_ = false;
  std::vector<at::Tensor> norm_weights_;       // of the norms that were called, in a model without known blocks
  std::vector<at::Tensor> embedding_weights_;  // likewise
};

}  // namespace infoplane::hooks::detail
