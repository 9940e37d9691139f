#pragma once

#include <ATen/core/ivalue.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hooks/operands.hpp"
#include "hooks/plan.hpp"
#include "hooks/site_resolver.hpp"
#include "hooks/tap_numbers.hpp"
#include "hooks/turned_stream.hpp"

namespace infoplane::hooks::detail {

/// Follows the operators of one scope and tells which of them carry a site. Knows nothing of where operators come from.
///
/// It looks for operators that have a parameter among their operands, be it a fused norm, the gain of a hand-written
/// one, or a linear map, and that the plan says to read a stream. Tensors made of parameters alone (transposes, casts,
/// sums of adapters) stand for the parameter they came from. What the plan does not know yet, the site resolver finds
/// out.
class Pass {
 public:
  using Emit = std::function<void(const Site&, const at::Tensor&)>;

  /// `plan` is borrowed and completed.
  Pass(Plan& plan, Emit emit);

  /// An operator begins. `key` identifies it until its end.
  void start(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs);
  /// It ended; without results where nobody asked LibTorch for them.
  void end(const void* key, const std::vector<c10::IValue>& results);
  /// `is_part`: rows of some of the tokens, which are the stream of no site.
  void tap(std::string_view name, const at::Tensor& tensor, SiteKind kind, bool is_part = false);
  /// Sites that have come.
  int fires() const noexcept { return fires_; }
  /// Every site that can come in this pass has come, so that no further operator is of interest.
  bool is_done() const;
  /// The scope ends. @throws SiteError if TorchScript fused operators, and a site did not come
  void finish();
  /// After the above, where a site did not come. `elsewhere`: a parameter that was used on another thread, or −1;
  /// `replica_ran`: one of a replica was. @throws SiteError if that is why, or if copies of the model ran instead
  void require_seen(int elsewhere, bool replica_ran) const;

 private:
  enum class Source : std::uint8_t { kNone, kOperator, kTap };

  struct Running {
    const void* key;
    int parameter = -1;
    bool is_shield = true;   ///< what runs inside this operator is its own affair
    bool is_derive = false;  ///< its results stand for the parameter
    int output_site = -1;    ///< its result is that of a site
  };
  /// A use that waits for an operator behind its parameter.
  struct Armed {
    int parameter;
    std::size_t use;
    int seen = 0;
  };

  void start_forward(const void* key, const char* name, OperatorClass op, c10::ArrayRef<const c10::IValue> inputs);
  Reading reading_of(OperatorClass op, int parameter) const;
  int output_site_of(int norm, std::size_t call) const;
  void start_embedding(const void* key, int parameter, c10::ArrayRef<const c10::IValue> inputs);
  void start_plain(const void* key, const char* name, OperatorClass op, c10::ArrayRef<const c10::IValue> inputs);
  void start_read(const void* key, const char* name, OperatorClass op, const Operands& operands,
                  c10::ArrayRef<const c10::IValue> inputs);
  void shield(const Running& running);
  void read_armed(std::string_view name, c10::ArrayRef<const c10::IValue> inputs);
  std::size_t count(int parameter);
  void arm(int parameter, const std::vector<Use>& uses, std::size_t call);
  std::optional<Use> read_known(int parameter, std::size_t call, Reading reading, const at::Tensor& stream);
  void read_asked_norm(int parameter, Reading reading, const at::Tensor& stream);
  void fire_stream(const Use& use, const at::Tensor& stream);
  void drop_turned();
  /// The site that the name of a tap means in this forward, and the number in it (−1: the embedding).
  std::pair<std::string, int> numbered(std::string_view tap);
  bool has_come(int record) const {
    return static_cast<std::size_t>(record) < fired_.size() && fired_[record] != Source::kNone;
  }
  void name_tapped(int record, bool is_new, int index, SiteKind kind, const std::string& source);
  void fire_any_norm(c10::ArrayRef<const c10::IValue> inputs);
  void fire(int record, const at::Tensor& tensor, Source source);
  void fire_resolved(int record, const at::Tensor& tensor, std::string_view operator_name, FiredBy by);
  void note_fused(const char* name);
  std::string missing() const;
  void note_replica(std::string_view name, c10::ArrayRef<const c10::IValue> inputs);
  void note_copy(c10::ArrayRef<const c10::IValue> inputs);
  bool resolves() const noexcept { return resolver_ && !resolver_->is_over(); }
  static SiteKind kind_of_stream(Reading reading, const at::Tensor& stream);

  Plan& plan_;
  Emit emit_;
  std::unique_ptr<SiteResolver> resolver_;  // where something is to be learnt
  std::string_view operator_name_;
  std::vector<bool> copied_;  // parameters
  bool replica_ran_ = false;
  std::string fused_;  // a kernel that TorchScript made of several operators
  OperandFinder finder_;
  std::vector<Running> running_;
  int shields_ = 0;
  std::vector<Source> fired_;
  int fires_ = 0;
  std::vector<std::size_t> calls_;  // of each parameter
  std::vector<Armed> armed_;
  TurnedStream turned_;
  TapNumbers tap_numbers_;
  std::vector<at::Tensor> norm_weights_;       // of the norms that were called, in a model without known blocks
  std::vector<at::Tensor> embedding_weights_;  // likewise
};

}  // namespace infoplane::hooks::detail
