#include "hooks/pass.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

#include "hooks/backward.hpp"
#include "hooks/centred.hpp"
#include "hooks/glob.hpp"
#include "hooks/operator_kind.hpp"

namespace infoplane::hooks::detail {

Pass::Pass(Plan& plan, Emit emit)
    : plan_(plan),
      emit_(std::move(emit)),
      finder_(plan),
      fired_(plan.records().size(), Source::kNone),
      calls_(plan.parameters().size(), 0) {
  if (plan.resolving()) {
    const auto fire = [this](int record, const at::Tensor& tensor, std::string_view name, FiredBy by) {
      fire_resolved(record, tensor, name, by);
    };
    const auto fire_norm = [this](int parameter, Reading reading, const at::Tensor& stream, std::string_view name) {
      const auto current = std::exchange(operator_name_, name);
      read_asked_norm(parameter, reading, stream);
      operator_name_ = current;
    };
    resolver_ = std::make_unique<SiteResolver>(plan, fire, fire_norm);
  }
  arm(-1, plan.first_uses(), 0);
}

void Pass::start(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs) {
  if (shields_ > 0) {
    return;  // inside an operator that counts: its kernels, or what autocast calls again
  }
  if (turned_.waits() && in_backward()) {
    drop_turned();  // its addition was none that is known
  } else if (turned_.waits()) {
    if (const auto found = turned_.added(name, inputs)) {
      operator_name_ = name;
      fire(found->record, found->stream, Source::kOperator);
    }
  }
  if (plan_.is_script() && std::string_view(name).starts_with("fused_")) {
    note_fused(name);
    return;
  }
  if (is_copy(name)) {
    note_copy(inputs);
  }
  const auto op = classify(name);
  const bool reads_all = plan_.reads_all_operators() && op != OperatorClass::kOfLists;
  if (op != OperatorClass::kNorm && op != OperatorClass::kEmbedding && !reads_all) {
    return;
  }
  if (!in_backward()) {
    start_forward(key, name, op, inputs);
  } else if (resolves()) {
    resolver_->finish();
  }
}

/// An operator of the forward, by the parameters and the stream that it has.
void Pass::start_forward(const void* key, const char* name, OperatorClass op, c10::ArrayRef<const c10::IValue> inputs) {
  const auto operands = finder_.find(op, name, inputs);
  const int id = operands.parameter;
  if (op == OperatorClass::kEmbedding) {
    start_embedding(key, id, inputs);
    return;
  }
  const bool is_buffer = id >= 0 && plan_.parameters()[id].is_buffer;
  const bool changes_parameter = operands.first_is_parameter && std::string_view(name).ends_with('_');
  if (id >= 0 && (changes_parameter || (operands.only_parameters && is_buffer))) {
    return;
  }
  if (id < 0 || is_buffer || (operands.stream == nullptr && !operands.only_parameters)) {
    start_plain(key, name, op, inputs);
  } else if (operands.stream != nullptr) {
    start_read(key, name, op, operands, inputs);
  } else if (plan_.reads_results()) {
    if (resolves()) {
      resolver_->derive(finder_.list(inputs));
    }
    running_.push_back({.key = key, .parameter = id, .is_shield = false, .is_derive = true});
  }
}

void Pass::shield(const Running& running) {
  running_.push_back(running);
  ++shields_;
}

// A table that is used again begins another forward.
void Pass::start_embedding(const void* key, int parameter, c10::ArrayRef<const c10::IValue> inputs) {
  if (parameter >= 0) {
    const bool is_again = calls_[parameter] > 0;
    if (is_again) {
      tap_numbers_.restart();
    }
    if (is_again && resolves() && resolver_->has_run_through()) {
      resolver_->finish();
    }
    const auto call = count(parameter);
    if (resolves()) {
      resolver_->embed(parameter, call);
    }
    if (resolves() || !armed_.empty()) {
      shield({.key = key});
    }
    return;
  }
  note_replica("aten::embedding", inputs);
  if (!plan_.reads_any_norm() || inputs.empty() || !inputs[0].isTensor()) {
    return;
  }
  const auto& weight = inputs[0].toTensor();
  const auto is_same = [&](const at::Tensor& seen) { return seen.is_same(weight); };
  if (std::any_of(embedding_weights_.begin(), embedding_weights_.end(), is_same)) {
    tap_numbers_.restart();
  } else {
    embedding_weights_.push_back(weight);
  }
}

// An operator without a parameter, inside LibTorch's own nothing else is looked at.
void Pass::start_plain(const void* key, const char* name, OperatorClass op, c10::ArrayRef<const c10::IValue> inputs) {
  if (op == OperatorClass::kNorm) {
    note_replica(name, inputs);
  }
  if (op == OperatorClass::kNorm && plan_.reads_any_norm()) {
    operator_name_ = name;
    fire_any_norm(inputs);
  }
  const std::string_view text = name;
  const bool is_aten = text.starts_with("aten::");
  const bool is_followed = (resolves() || !armed_.empty()) && text.find("::") != std::string_view::npos;
  if (is_followed && !armed_.empty()) {
    read_armed(name, inputs);
  }
  if (is_followed && resolves()) {
    const auto operands = finder_.list(inputs);
    const bool has_weight = inputs.size() > 2 && inputs[2].isTensor() && inputs[2].toTensor().defined();
    resolver_->plain(name, operands, op == OperatorClass::kNorm, has_weight);
    resolver_->begin(key, name, operands, is_aten);
  }
  if (op == OperatorClass::kNorm || (is_followed && is_aten)) {
    shield({.key = key});
  }
}

void Pass::start_read(const void* key, const char* name, OperatorClass op, const Operands& operands,
                      c10::ArrayRef<const c10::IValue> inputs) {
  const int id = operands.parameter;
  const auto& stream = *operands.stream;
  const auto reading = reading_of(op, id);
  operator_name_ = name;
  const auto call = count(id);
  const auto known = read_known(id, call, reading, stream);
  bool is_stream = known.has_value() && known->site >= 0;
  if (resolves()) {
    is_stream = resolver_->read({id, call, reading, &stream, name, known ? &*known : nullptr}) || is_stream;
    if (resolver_->has_left()) {
      tap_numbers_.restart();
    }
    if (resolves()) {
      resolver_->begin(key, name, finder_.list(inputs), true);
    }
  }
  if (reading != Reading::kOther && !is_stream && plan_.parameters()[id].asked_for) {
    read_asked_norm(id, reading, stream);
  }
  shield({.key = key, .parameter = id, .output_site = reading == Reading::kNorm ? output_site_of(id, call) : -1});
}

Reading Pass::reading_of(OperatorClass op, int parameter) const {
  const bool is_gain = op == OperatorClass::kProduct && plan_.parameters()[parameter].norm_like;
  return op == OperatorClass::kNorm ? Reading::kNorm : is_gain ? Reading::kGain : Reading::kOther;
}

/// The site of what this call of the norm returns, or −1.
int Pass::output_site_of(int norm, std::size_t call) const {
  int site = -1;
  for (const auto& use : plan_.parameters()[norm].uses) {
    site = use.reading == Reading::kOutput && use.call == call ? use.site : site;
  }
  return site;
}

std::size_t Pass::count(int parameter) {
  const auto call = calls_[parameter]++;
  arm(parameter, plan_.parameters()[parameter].uses, call);
  return call;
}

// Uses that are found by what comes behind this call of the parameter.
void Pass::arm(int parameter, const std::vector<Use>& uses, std::size_t call) {
  armed_.clear();
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].reading == Reading::kLater && uses[i].call == call) {
      armed_.push_back({parameter, i});
    }
  }
}

void Pass::read_armed(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  std::erase_if(armed_, [&](Armed& armed) {
    const auto& uses = armed.parameter < 0 ? plan_.first_uses() : plan_.parameters()[armed.parameter].uses;
    const auto& use = uses[armed.use];
    if (use.operator_name != name || ++armed.seen != use.occurrence) {
      return false;
    }
    const auto operands = finder_.list(inputs);
    if (static_cast<std::size_t>(use.operand) < operands.size()) {
      operator_name_ = name;
      drop_turned();
      fire(use.site, *operands[use.operand].tensor, Source::kOperator);
    }
    return true;
  });
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
    tap_numbers_.restart();  // nothing else tells where the next forward begins
  }
  const int id = plan_.find(weight.unsafeGetTensorImpl());
  const auto name = infoplane::detail::concat("norms.", index);
  const int site = plan_.record(name);
  plan_.refine(site, SiteKind::kNormInput,
               id < 0 ? "a norm that is not registered" : plan_.parameters()[id].names.front(), -2, -1);
  fire(site, inputs[0].toTensor(), Source::kOperator);
}

void Pass::end(const void* key, const std::vector<c10::IValue>& results) {
  if (resolves()) {
    resolver_->end(key, results);
  }
  if (running_.empty() || running_.back().key != key) {
    return;
  }
  const auto ended = running_.back();
  running_.pop_back();
  shields_ -= ended.is_shield ? 1 : 0;
  if (ended.is_derive) {
    finder_.derive(results, ended.parameter);
    return;
  }
  if (ended.output_site < 0 || results.empty() || !results.front().isTensor()) {
    return;
  }
  drop_turned();
  operator_name_ = "aten::layer_norm";
  fire(ended.output_site, results.front().toTensor(), Source::kOperator);
}

// The use of the parameter that the plan knows for this call, after what it reads was handed over.
std::optional<Use> Pass::read_known(int parameter, std::size_t call, Reading reading, const at::Tensor& stream) {
  const auto& p = plan_.parameters()[parameter];
  for (const auto& use : p.uses) {
    if (use.call != call || use.reading != reading) {
      continue;
    }
    if (use.site >= 0) {
      fire_stream(use, stream);
    }
    if (use.is_tail) {
      tap_numbers_.restart();
    }
    return use;
  }
  if (!p.uses.empty() && p.uses.front().site >= 0 && call > p.uses.front().call) {
    ++plan_.records()[p.uses.front().site].repeats;
  }
  return std::nullopt;
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

void Pass::fire_stream(const Use& use, const at::Tensor& stream) {
  drop_turned();
  if (use.is_tail) {
    fire(use.site, turned_.as_last(stream), Source::kOperator);
    return;
  }
  const bool is_turned = use.reading == Reading::kOther && stream.dim() == 3 && !stream.is_contiguous();
  if ((use.at_addition || is_turned) && stream.has_storage()) {
    turned_.wait(stream, use.site);
    return;
  }
  fire(use.site, stream, Source::kOperator);
}

void Pass::finish() {
  drop_turned();
  if (resolves()) {
    resolver_->finish();
  }
}

// It was not added to anything.
void Pass::drop_turned() {
  if (turned_.waits()) {
    const auto [record, stream] = turned_.give_up();
    const auto current = std::exchange(operator_name_, "aten::matmul");
    fire(record, stream, Source::kOperator);
    operator_name_ = current;
  }
}

void Pass::fire_resolved(int record, const at::Tensor& tensor, std::string_view operator_name, FiredBy by) {
  const auto current = std::exchange(operator_name_, operator_name);
  const auto source = by == FiredBy::kTap ? Source::kTap : Source::kOperator;
  fire(record, by == FiredBy::kTail ? turned_.as_last(tensor) : tensor, source);
  operator_name_ = current;
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
  r.doubt.clear();
  turned_.note_sizes(r.shape);
  if (r.wanted) {
    emit_(r.site, tensor);
  }
}

bool Pass::is_done() const {
  if (plan_.resolving() || plan_.reads_any_norm() || plan_.asks_for_norms() || tap_numbers_.any()) {
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

SiteKind Pass::kind_of_stream(Reading reading, const at::Tensor& stream) {
  return reading == Reading::kGain && is_centred(stream) ? SiteKind::kCentredStream : kind_of(reading);
}

}  // namespace infoplane::hooks::detail
