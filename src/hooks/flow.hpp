#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hooks/operator_kind.hpp"

namespace infoplane::hooks::detail {

/// A tensor among the arguments of an operator, lists taken apart.
struct Operand {
  const at::Tensor* tensor;
  int position;
  int parameter;  ///< −1 for any other tensor
};

/// What the values of a pass were made of: which value went into which, and how. Known from operators and storages
/// alone, so nothing is read and no device is waited for. Storages are held by weak pointers: memory that is freed and
/// used again is another value, and no activation lives longer for it.
class Flow {
 public:
  /// A number for the content of a storage, later values having larger ones; a write in place makes a new one. −1:
  /// unknown.
  using Value = int;

  /// How an operand goes into a result.
  enum class Link : std::uint8_t {
    kSame,   ///< a copy, a cast
    kCarry,  ///< element by element, or rearranged
    kMix,    ///< through a product, an attention, a reduction
  };

  /// Who made a value.
  static constexpr int kNoParameter = -1;
  static constexpr int kOutside = -2;  ///< a parameter outside of all blocks

  struct Paths {
    bool any = false;
    bool mixes = false;
    bool has_parameter = false;  ///< of one that mixes
  };

  /// The value of a tensor, noted where it is new: it then comes from outside of what was seen.
  Value value(const at::Tensor& tensor);
  /// Likewise, but −1 where it is new.
  Value known(const at::Tensor& tensor) const;

  /// An operator begins; `by` is the use of a block whose parameter it has, or one of the two above. Opaque: what runs
  /// inside it is not told.
  void begin(const void* key, std::string_view name, const std::vector<Operand>& operands, int by, bool opaque);
  void end(const void* key, const std::vector<c10::IValue>& results);

  std::int64_t numel(Value value) const { return values_[value].numel; }
  /// Length of its last axis.
  std::int64_t width(Value value) const { return values_[value].width; }
  int by(Value value) const { return values_[value].by; }
  /// The first of the copies that the value is one of.
  Value root(Value value) const { return value < 0 ? value : values_[value].root; }
  bool same(Value a, Value b) const { return a >= 0 && b >= 0 && root(a) == root(b); }

  /// A parameter of that use went into it.
  bool used(Value value, int use) const;
  /// The value may be that of a step x + f(x) without any parameter: between two blocks, it could belong to either.
  bool is_bare_step(Value value) const { return values_[value].bare_step; }
  void mark_bare_step(const void* key);

  /// From one value into another.
  Paths paths(Value from, Value into) const;
  /// The ends of a walk from `value` to what it carries: it stops where `stops` says so, and at values that carry none.
  std::vector<Value> origins(Value value, const std::function<bool(Value)>& stops) const;
  /// Whether a walk as above meets `origin` (or a copy).
  bool carries(Value value, Value origin) const;

  /// Whether all that a use of a block gave to `into` went through the value `through`, and nothing came to it later.
  bool passes(int use, Value through, Value into) const;

  /// The norm that returned it: its parameter and the number of the call.
  struct Norm {
    int parameter = -1;  ///< −1 none that is known
    std::size_t call = 0;
    std::optional<c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>> result;
  };
  const Norm* norm(Value value) const;
  void mark_norm(const void* key, int parameter, std::size_t call);

  /// The value that the last ended operator made, or −1.
  Value made() const noexcept { return made_; }
  /// Values born without an operator that fills them (of a communication, of a user's own kernel) belong to this use.
  void set_current_use(int use) noexcept { current_use_ = use; }
  Value newest() const noexcept { return static_cast<Value>(values_.size()) - 1; }
  struct Input {
    Value value;
    Link link;
    std::int64_t numel;
  };
  const std::vector<Input>& inputs(Value value) const { return values_[value].inputs; }

 private:
  struct Content {
    std::vector<Input> inputs;
    std::vector<bool> uses;
    std::int64_t numel = 0;
    std::int64_t width = 0;
    Value root = -1;
    int by = kNoParameter;
    bool dark = false;  // filled by nobody that was seen
    bool bare_step = false;
    int norm = -1;
  };
  struct Entry {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    Value value;
  };
  struct Open {
    const void* key;
    std::string name;
    std::vector<at::Tensor> tensors;  // for the time of the operator
    std::vector<Value> values;
    std::vector<int> positions;
    std::vector<std::int64_t> versions;
    int by;
    bool opaque;
    Value newest;
    bool bare_step = false;
    std::optional<Norm> norm;
  };

  Value add(Content content);
  Value make(const Open& open, const at::Tensor& result, int written);
  static Link link_of(const Open& open, OperatorKind kind, std::size_t operand, std::int64_t numel, bool fills);
  bool is_written(const Open& open, std::size_t operand) const;
  void put_written(const Open& open);
  void put(const at::Tensor& tensor, Value value);
  void finish(const Open& open, const at::Tensor& result);

  std::unordered_map<const c10::StorageImpl*, Entry> entries_;
  std::vector<Content> values_;
  std::vector<Norm> norms_;
  std::vector<Open> open_;
  Value made_ = -1;
  int current_use_ = kNoParameter;
};

}  // namespace infoplane::hooks::detail
