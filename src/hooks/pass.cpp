#include "hooks/pass.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

#include "hooks/backward.hpp"
#include "hooks/centred.hpp"
#include "hooks/glob.hpp"
#include "hooks/layout.hpp"

namespace infoplane::hooks::detail {

Pass::Pass(Plan& plan, Emit emit)
    : plan_(plan),
      emit_(std::move(emit)),
      fired_(plan.records().size(), Source::kNone),
      calls_(plan.parameters().size(), 0),
      touched_(plan.parameters().size(), false),
      entered_(plan.blocks().size(), 0),
      stack_entered_(plan.stacks().size(), false) {}

void Pass::start(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs) {
  if (shields_ > 0) {
    return;  // inside an operator that counts: its kernels, or what autocast calls again
  }
  if (transposed_.defined()) {
    if (in_backward()) {
      finish();  // its addition was none that is known
    } else {
      look_for_residual(name, inputs);
    }
  }
  const auto op = classify(name);
  const bool reads_all = plan_.reads_all_operators() && op != Operator::kOfLists;
  if ((op != Operator::kNorm && op != Operator::kEmbedding && !reads_all) || in_backward()) {
    return;
  }
  const auto operands = find_operands(op, name, inputs);
  const int id = operands.parameter;
  if (op == Operator::kEmbedding) {
    start_embedding(id, inputs);
    return;
  }
  if (op == Operator::kNorm) {
    start_norm(key, id, name, inputs);
  }
  if (id < 0) {
    return;
  }
  const auto& parameter = plan_.parameters()[id];
  const bool changes_parameter = operands.first_is_parameter && std::string_view(name).ends_with('_');
  if (parameter.is_buffer || changes_parameter) {
    return;
  }
  if (operands.stream == nullptr) {
    if (operands.only_parameters && plan_.reads_results()) {
      run(key, id, Role::kDerive);
    }
    return;
  }
  operator_name_ = name;
  const bool is_gain = op == Operator::kProduct && parameter.norm_like;
  auto reading = op == Operator::kNorm ? Reading::kNorm : is_gain ? Reading::kGain : Reading::kOther;
  auto stream = *operands.stream;
  const auto weightless = std::exchange(weightless_, {});
  if (reading == Reading::kOther && weightless.returned(stream)) {
    reading = Reading::kBehindNorm;
    stream = weightless.input;
  }
  touched_[id] = true;
  const bool used = read(id, reading, stream);
  if (reading != Reading::kOther && !used && parameter.asked_for) {
    read_asked_norm(id, reading, stream);
  }
  if (reading != Reading::kNorm) {
    run(key, id, reading == Reading::kGain ? Role::kNorm : Role::kShield);
  }
}

// A table that is used again begins another forward.
void Pass::start_embedding(int parameter, c10::ArrayRef<const c10::IValue> inputs) {
  if (parameter >= 0) {
    if (touched_[parameter]) {
      tap_calls_.clear();
    }
    complete_ = complete_ || (touched_[parameter] && last_block_ >= 0);
    touched_[parameter] = true;
    return;
  }
  if (!plan_.reads_any_norm() || inputs.empty() || !inputs[0].isTensor()) {
    return;
  }
  const auto& weight = inputs[0].toTensor();
  const auto is_same = [&](const at::Tensor& seen) { return seen.is_same(weight); };
  if (std::any_of(embedding_weights_.begin(), embedding_weights_.end(), is_same)) {
    tap_calls_.clear();
  } else {
    embedding_weights_.push_back(weight);
  }
}

void Pass::start_norm(const void* key, int parameter, const char* name, c10::ArrayRef<const c10::IValue> inputs) {
  weightless_ = {};
  if (has_no_weight(inputs) && plan_.reads_results()) {
    weightless_.input = inputs[0].toTensor().variable_data();
  }
  run(key, parameter, Role::kNorm);
  if (plan_.reads_any_norm()) {
    operator_name_ = name;
    fire_any_norm(inputs);
  }
}

// A weight that comes again begins another forward, or is shared: no new site.
void Pass::fire_any_norm(c10::ArrayRef<const c10::IValue> inputs) {
  if (inputs.size() < 3 || !inputs[0].isTensor() || !inputs[2].isTensor() || !inputs[2].toTensor().defined()) {
    return;
  }
  const auto& weight = inputs[2].toTensor();
  const auto is_same = [&](const at::Tensor& seen) { return seen.is_same(weight); };
  const auto position = std::find_if(norm_weights_.begin(), norm_weights_.end(), is_same);
  const auto index = static_cast<int>(position - norm_weights_.begin());
  if (position == norm_weights_.end()) {
    norm_weights_.push_back(weight);
  } else if (index == 0 && embedding_weights_.empty()) {
    tap_calls_.clear();  // nothing else tells where the next forward begins
  }
  const int id = plan_.find(weight.unsafeGetTensorImpl());
  const auto name = infoplane::detail::concat("norms.", index);
  const int site = plan_.record(name);
  plan_.refine(site, SiteKind::kNormInput,
               id < 0 ? "a norm that is not registered" : plan_.parameters()[id].names.front(), -2, -1);
  fire(site, inputs[0].toTensor(), Source::kOperator);
}

void Pass::run(const void* key, int parameter, Role role) {
  running_.push_back({key, parameter, role});
  shields_ += role == Role::kDerive ? 0 : 1;
}

void Pass::end(const void* key, const std::vector<c10::IValue>& results) {
  if (running_.empty() || running_.back().key != key) {
    return;
  }
  const auto [ended, id, role] = running_.back();
  running_.pop_back();
  shields_ -= role == Role::kDerive ? 0 : 1;
  if (role == Role::kShield || results.empty() || !results.front().isTensor()) {
    return;
  }
  if (role == Role::kDerive) {
    derive(results, id);
    return;
  }
  const auto& result = results.front().toTensor();
  if (!result.defined() || !result.has_storage()) {
    return;
  }
  if (id < 0) {
    weightless_.result_data = result.const_data_ptr();
    weightless_.result_storage = result.storage().getWeakStorageImpl();
    return;
  }
  last_norm_ = id;
  last_norm_data_ = result.const_data_ptr();
  last_norm_storage_ = result.storage().getWeakStorageImpl();
  last_norm_result_.emplace(result.getIntrusivePtr());
  if (const int site = plan_.parameters()[id].output_site; site >= 0) {
    finish();
    operator_name_ = "aten::layer_norm";
    fire(site, result, Source::kOperator);
  }
}

bool Pass::read(int parameter, Reading reading, const at::Tensor& stream) {
  const auto& p = plan_.parameters()[parameter];
  if (!p.uses.empty()) {
    if (reading != p.reading) {
      return false;
    }
    const auto call = calls_[parameter]++;
    if (call < p.uses.size()) {
      const auto use = p.uses[call];
      if (use.block < 0) {
        fire_tail(use.site, stream);
      } else {
        fire_stream(use.site, reading, stream);
      }
      mark(use);
      return true;
    }
  }
  const bool learnt = plan_.learning() && !complete_ && learn(parameter, reading, stream);
  if (!learnt && !p.uses.empty()) {
    ++plan_.records()[p.uses.front().site].repeats;
  }
  return learnt || !p.uses.empty();
}

// A norm that a pattern names and where no block begins, such as the second norm of a pre-norm block.
void Pass::read_asked_norm(int parameter, Reading reading, const at::Tensor& stream) {
  const auto& p = plan_.parameters()[parameter];
  const auto& source = p.names.front();
  const auto path = parent_path(source);
  const int site = plan_.record(std::string(path.empty() ? std::string_view(source) : path));
  const bool is_known = plan_.records()[site].hits > 0;
  plan_.refine(site, is_known ? plan_.records()[site].site.kind : kind_of_stream(reading, stream), source, -2, 0);
  fire(site, stream, Source::kOperator);
}

// An attention that works batch first transposes what it reads in a model of layout [T, B, d]. The residual addition
// has the stream as it is.
void Pass::fire_stream(int record, Reading reading, const at::Tensor& stream) {
  finish();
  if (reading == Reading::kOther && stream.dim() == 3 && !stream.is_contiguous() && stream.has_storage()) {
    transposed_ = stream.variable_data();
    transposed_record_ = record;
    return;
  }
  fire(record, stream, Source::kOperator);
}

void Pass::look_for_residual(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  if (name != "aten::add" && name != "aten::add_") {
    return;
  }
  for (const auto& input : inputs) {
    if (!input.isTensor()) {
      continue;
    }
    const auto& operand = input.toTensor();
    const bool same = operand.defined() && operand.dim() == 3 && operand.has_storage() &&
                      operand.const_data_ptr() == transposed_.const_data_ptr() &&
                      operand.numel() == transposed_.numel();
    if (same) {
      transposed_.reset();
      operator_name_ = name;
      fire(transposed_record_, operand, Source::kOperator);
      return;
    }
  }
}

// The head, or the final norm, reads a transpose of a stream [T, B, d], and no addition follows.
void Pass::fire_tail(int record, const at::Tensor& stream) {
  finish();
  fire(record, in_layout(stream, layout_), Source::kOperator);
}

void Pass::finish() {
  if (transposed_.defined()) {
    const auto stream = std::exchange(transposed_, at::Tensor());
    const auto current = std::exchange(operator_name_, "aten::matmul");
    fire(transposed_record_, stream, Source::kOperator);
    operator_name_ = current;
  }
}

void Pass::fire(int record, const at::Tensor& tensor, Source source) {
  if (fired_.size() < plan_.records().size()) {
    fired_.resize(plan_.records().size(), Source::kNone);
  }
  auto& r = plan_.records()[record];
  if (fired_[record] != Source::kNone) {
    r.repeats += fired_[record] == source ? 1 : 0;
    return;
  }
  fired_[record] = source;
  ++fires_;
  ++r.hits;
  r.operator_name = operator_name_;
  r.shape = tensor.sizes().vec();
  layout_ = r.shape;
  if (r.wanted) {
    emit_(r.site, tensor);
  }
}

bool Pass::is_done() const {
  if (plan_.learning() || plan_.reads_any_norm() || plan_.asks_for_norms() || numbers_taps_) {
    return false;
  }
  const auto& records = plan_.records();
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].wanted && !records[i].dropped && (i >= fired_.size() || fired_[i] == Source::kNone)) {
      return false;
    }
  }
  return !records.empty();
}

void Pass::tap(std::string_view name, const at::Tensor& tensor, SiteKind kind) {
  if (!tensor.defined() || in_backward()) {
    return;
  }
  std::string site(name);
  int index = name == "embedding" ? -1 : number_of(name);
  if (name != "embedding" && index < 0 && plan_.find_record(name) < 0) {
    numbers_taps_ = true;  // where the next forward begins, only operators show
    const auto known = [&](const auto& calls) { return calls.first == name; };
    auto position = std::find_if(tap_calls_.begin(), tap_calls_.end(), known);
    if (position == tap_calls_.end()) {
      position = tap_calls_.insert(tap_calls_.end(), {std::string(name), 0});
    }
    index = position->second++;
    site = infoplane::detail::concat(name, '.', index);
  }
  const auto known_records = plan_.records().size();
  const int record = plan_.record(site);
  const auto& r = plan_.records()[record];
  const bool has_come = static_cast<std::size_t>(record) < fired_.size() && fired_[record] != Source::kNone;
  if (!has_come && (r.site.kind != kind || r.hits == 0)) {
    const bool is_new = plan_.records().size() != known_records;
    // A site of the tree keeps its place in the order: "net.1" may be the first block.
    plan_.refine(record, kind, infoplane::detail::concat("tap(\"", name, "\")"), is_new ? index : r.site.index,
                 is_new ? 0 : r.stack);
  }
  if (has_come && name == "embedding" && fired_[record] == Source::kTap) {
    tap_calls_.clear();  // another forward
  }
  operator_name_ = "tap";
  fire(record, tensor, Source::kTap);
}

void Pass::enter(int block) {
  auto& b = plan_.blocks()[block];
  if (static_cast<std::size_t>(entered_[block]) == b.indices.size()) {
    plan_.place(block, last_index() + 1);
  }
  ++entered_[block];
  last_block_ = block;
  stack_entered_[b.stack] = true;
}

int Pass::last_index() const {
  if (last_block_ < 0) {
    return -1;
  }
  return plan_.blocks()[last_block_].indices[static_cast<std::size_t>(entered_[last_block_]) - 1];
}

SiteKind Pass::kind_of_stream(Reading reading, const at::Tensor& stream) {
  return reading == Reading::kGain && is_centred(stream) ? SiteKind::kCentredStream : kind_of(reading);
}

void Pass::mark(const Use& use) {
  if (use.block >= 0) {
    enter(use.block);
    return;
  }
  tap_calls_.clear();
  const auto left = [&](const StackState& stack) {
    return !stack_entered_[static_cast<std::size_t>(&stack - plan_.stacks().data())];
  };
  complete_ = std::none_of(plan_.stacks().begin(), plan_.stacks().end(), left);
}

}  // namespace infoplane::hooks::detail
