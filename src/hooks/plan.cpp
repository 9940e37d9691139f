#include "hooks/plan.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <tuple>

#include "hooks/glob.hpp"

namespace infoplane::hooks::detail {
namespace {

constexpr std::string_view kAuto = "auto";

void check(const WatchOptions& options) {
  INFOPLANE_CHECK(!options.sites().empty(), ArgumentError,
                  "no site to watch: give WatchOptions::sites \"auto\" or patterns such as \"blocks.*\"");
  for (const auto& pattern : options.sites()) {
    INFOPLANE_CHECK(!pattern.empty(), ArgumentError,
                    "a pattern of WatchOptions::sites is empty: write \"auto\" or a pattern such as \"blocks.*\"");
  }
}

}  // namespace

SiteKind kind_of(Reading reading) noexcept {
  switch (reading) {
    case Reading::kNorm:
      return SiteKind::kNormInput;
    case Reading::kGain:
      return SiteKind::kNormalisedStream;
    case Reading::kOutput:
      return SiteKind::kNormOutput;
    case Reading::kLater:
      return SiteKind::kResidualStream;
    default:
      return SiteKind::kLinearInput;
  }
}

bool is_handed_over(SiteKind kind) noexcept { return kind == SiteKind::kTap || kind == SiteKind::kModuleOutput; }

Plan::Plan(const std::vector<NamedTensor>& tensors, WatchOptions options, Root root)
    : options_(std::move(options)), root_(root) {
  check(options_);
  add_tensors(tensors);
  find_blocks();
  make_stream_sites();
  make_norm_sites();
  settle();
}

void Plan::add_tensors(const std::vector<NamedTensor>& tensors) {
  for (const auto& [name, tensor, is_buffer] : tensors) {
    const auto [position, is_new] = by_identity_.try_emplace(tensor.unsafeGetTensorImpl(), parameters_.size());
    if (is_new) {
      parameters_.emplace_back();
    }
    auto& parameter = parameters_[position->second];
    parameter.norm_like = parameter.norm_like || (!is_buffer && ParameterShape{name, tensor.dim()}.norm_like());
    parameter.names.push_back(name);
    parameter.is_buffer = is_buffer;
    parameter.tensor = tensor;
  }
}

void Plan::find_blocks() {
  std::vector<ParameterShape> shapes;
  for (const auto& parameter : parameters_) {
    for (const auto& name : parameter.names) {
      if (!parameter.is_buffer) {
        shapes.push_back({name, parameter.tensor.dim()});
      }
    }
  }
  const auto found = options_.blocks().empty() ? find_stacks(shapes) : match_stacks(shapes, options_.blocks());
  INFOPLANE_CHECK(!found.empty() || options_.blocks().empty(), ArgumentError, "WatchOptions::blocks(\"",
                  options_.blocks(), "\") matches no module of the ", shapes.size(),
                  " parameters: give a pattern of module paths such as \"encoder.layers.*\"");
  for (const auto& stack : found) {
    add_stack(stack);
  }
  for (auto& parameter : parameters_) {
    find_blocks_of(parameter);
  }
  const bool any_outside = std::any_of(parameters_.begin(), parameters_.end(), [](const Parameter& parameter) {
    return parameter.blocks.empty() && !parameter.is_buffer;
  });
  for (auto& stack : stacks_) {
    stack.expects_tail = any_outside;
  }
}

void Plan::add_stack(const Stack& stack) {
  const auto id = static_cast<int>(stacks_.size());
  auto& state = stacks_.emplace_back();
  state.container = stack.container;
  state.embedding = id == 0 ? "embedding" : stack.container + ".embedding";
  const auto is_same = [&](const StackState& other) { return &other != &state && other.embedding == state.embedding; };
  if (id > 0 && (stack.container.empty() || std::any_of(stacks_.begin(), stacks_.end(), is_same))) {
    const auto& first = stack.blocks.front();  // several kinds of blocks in one container: "decoder_layer.embedding"
    state.embedding = first.substr(0, first.find_last_not_of("0123456789._") + 1) + ".embedding";
  }
  for (const auto& path : stack.blocks) {
    state.blocks.push_back(static_cast<int>(blocks_.size()));
    auto& block = blocks_.emplace_back();
    block.path = path;
    block.stack = id;
  }
}

/// The blocks that one of the parameter's names lies in, in their order.
void Plan::find_blocks_of(Parameter& parameter) const {
  for (int block = 0; block < static_cast<int>(blocks_.size()); ++block) {
    const auto lies_here = [&](const std::string& name) { return lies_in(name, blocks_[block].path); };
    if (!parameter.is_buffer && std::any_of(parameter.names.begin(), parameter.names.end(), lies_here)) {
      parameter.blocks.push_back(block);
    }
  }
}

// Names are sure from here on; kinds and sources are guesses for a pre-norm model until a pass was seen.
void Plan::make_stream_sites() {
  int index = 0;
  for (int id = 0; id < static_cast<int>(stacks_.size()); ++id) {
    const auto& stack = stacks_[id];
    refine(record(stack.embedding), SiteKind::kEmbedding, entry_of(stack.blocks.front()), -1, id);
    for (std::size_t i = 0; i < stack.blocks.size(); ++i) {
      const bool last = i + 1 == stack.blocks.size();
      if (!last || stack.expects_tail) {
        const auto source = last ? tail_of(stack) : entry_of(stack.blocks[i + 1]);
        refine(record(blocks_[stack.blocks[i]].path), SiteKind::kNormInput, source, index, id);
      }
      ++index;
    }
  }
}

/// The first norm of the block, or its first parameter.
std::string Plan::entry_of(int block) const {
  std::string first;
  for (const auto& parameter : parameters_) {
    const bool inside = std::count(parameter.blocks.begin(), parameter.blocks.end(), block) > 0;
    if (inside && parameter.norm_like) {
      return name_in(parameter, block);
    }
    if (inside && first.empty()) {
      first = name_in(parameter, block);
    }
  }
  return first;
}

/// The norm outside of all blocks that stands beside the stack, or any.
std::string Plan::tail_of(const StackState& stack) const {
  const auto home = parent_path(stack.container);
  std::string tail;
  for (const auto& parameter : parameters_) {
    if (parameter.blocks.empty() && parameter.norm_like) {
      const bool beside = parent_path(parent_path(parameter.names.front())) == home;
      tail = beside || tail.empty() ? parameter.names.front() : tail;
    }
  }
  return tail;
}

void Plan::make_norm_sites() {
  for (const auto& pattern : options_.sites()) {
    const auto is_name = [&](const SiteRecord& r) { return matches_name(pattern, r); };
    names_norms_.push_back(pattern != kAuto && (pattern.find("**") != std::string::npos ||
                                                std::none_of(records_.begin(), records_.end(), is_name)));
  }
  for (auto& parameter : parameters_) {
    for (std::size_t i = 0; parameter.norm_like && i < names_norms_.size(); ++i) {
      const auto is_asked_for = [&](const std::string& name) {
        return glob_match(options_.sites()[i], parent_path(name)) || glob_match(options_.sites()[i], name);
      };
      parameter.asked_for =
          parameter.asked_for ||
          (names_norms_[i] && std::any_of(parameter.names.begin(), parameter.names.end(), is_asked_for));
    }
    asks_for_norms_ = asks_for_norms_ || parameter.asked_for;
  }
  for (auto& record : records_) {
    record.wanted = is_wanted(record);
  }
  for (const auto& parameter : parameters_) {
    const auto is_source = [&](const SiteRecord& r) {
      return std::count(parameter.names.begin(), parameter.names.end(), r.site.source) > 0;
    };
    if (parameter.asked_for && std::none_of(records_.begin(), records_.end(), is_source)) {
      const auto& name = parameter.names.front();
      refine(record(std::string(parent_path(name))), SiteKind::kNormInput, name, -2, 0);
    }
  }
}

int Plan::find_name(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& names = parameters_[i].names;
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

int Plan::find_record(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (records_[i].site.name == name) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

int Plan::record(const std::string& name) {
  if (const int known = find_record(name); known >= 0) {
    return known;
  }
  records_.emplace_back().site.name = name;
  return static_cast<int>(records_.size()) - 1;
}

void Plan::refine(int record, SiteKind kind, const std::string& source, int index, int stack) {
  auto& r = records_[record];
  r.site.kind = kind;
  r.site.source = source;
  r.site.index = index;
  r.site.stack = stack_of(r.site, stack);
  r.stack = stack;
  r.dropped = false;
  r.wanted = is_wanted(r);
}

// Of a tap, its name tells; of what is read inside the model, where that is.
std::string Plan::stack_of(const Site& site, int stack) const {
  for (const auto& state : stacks_) {
    if (!state.container.empty() && lies_in(site.name, state.container)) {
      return state.container;
    }
  }
  if (is_handed_over(site.kind)) {
    return std::string(parent_path(site.name));
  }
  return site.index >= -1 && static_cast<std::size_t>(stack) < stacks_.size() ? stacks_[stack].container : "";
}

bool Plan::is_wanted(const SiteRecord& record) const {
  for (std::size_t i = 0; i < options_.sites().size(); ++i) {
    if (matches(i, record)) {
      return true;
    }
  }
  return false;
}

int Plan::tapped(std::string_view name) const noexcept {
  const auto position = tapped_.find(name);
  return position == tapped_.end() ? -1 : position->second;
}

bool Plan::matches_name(const std::string& pattern, const SiteRecord& record) const {
  const auto& site = record.site;
  const auto is_path = [&](const Block& block) { return block.path == site.name; };
  const bool is_block = !is_handed_over(site.kind) || std::any_of(blocks_.begin(), blocks_.end(), is_path);
  const bool by_alias =
      is_block && site.index >= 0 && record.stack == 0 && name_match(pattern, "blocks." + std::to_string(site.index));
  return by_alias || name_match(pattern, site.name);
}

bool Plan::matches(std::size_t pattern, const SiteRecord& record) const {
  const auto& text = options_.sites()[pattern];
  const auto& site = record.site;
  if (text == kAuto) {
    return site.index >= -1 || reads_any_norm() || is_handed_over(site.kind);
  }
  const bool enters_norm = !is_handed_over(site.kind) && site.kind != SiteKind::kNormOutput;
  const bool by_norm = pattern < names_norms_.size() && names_norms_[pattern] && enters_norm &&
                       (glob_match(text, parent_path(site.source)) || glob_match(text, site.source));
  return by_norm || matches_name(text, record);
}

const std::string& Plan::name_in(const Parameter& parameter, int block) const {
  for (const auto& name : parameter.names) {
    if (block >= 0 && lies_in(name, blocks_[block].path)) {
      return name;
    }
  }
  return parameter.names.front();
}

std::string Plan::output_name(int block, int use) const {
  return use == 0 ? blocks_[block].path : blocks_[block].path + "#" + std::to_string(use);
}

void Plan::place(int block, int use, int index) {
  auto& b = blocks_[block];
  if (static_cast<std::size_t>(use) >= b.indices.size()) {
    b.indices.resize(static_cast<std::size_t>(use) + 1, -1);
  }
  b.indices[use] = index;
  if (const int known = find_record(output_name(block, use)); known >= 0) {
    const auto site = records_[known].site;  // made in the order of numbers
    const bool was_dropped = records_[known].dropped;
    refine(known, site.kind, site.source, index, b.stack);
    records_[known].dropped = was_dropped;
  }
}

void Plan::dismiss(int block) {
  auto& b = blocks_[block];
  b.dismissed = true;
  for (auto& parameter : parameters_) {
    std::erase(parameter.blocks, block);
  }
  if (const int known = find_record(b.path); known >= 0 && !is_handed_over(records_[known].site.kind)) {
    records_[known].dropped = true;
  }
  stacks_[b.stack].expects_tail = true;
}

bool Plan::are_alike(int block, int other) const {
  const auto shape_of = [&](int id) {
    std::vector<std::pair<std::string, std::int64_t>> shape;
    const auto& path = blocks_[id].path;
    for (const auto& parameter : parameters_) {
      for (const auto& name : parameter.names) {
        if (!parameter.is_buffer && lies_in(name, path)) {
          shape.emplace_back(name.substr(path.size()), parameter.tensor.dim());
        }
      }
    }
    std::sort(shape.begin(), shape.end());
    return shape;
  };
  return shape_of(block) == shape_of(other);
}

/// A block or what the last one of a stack hands on is not found yet.
bool Plan::is_open() const {
  const auto is_open_block = [](const Block& block) { return !block.resolved && !block.dismissed; };
  const auto is_open_stack = [](const StackState& stack) { return stack.expects_tail && !stack.tail_resolved; };
  return std::any_of(blocks_.begin(), blocks_.end(), is_open_block) ||
         std::any_of(stacks_.begin(), stacks_.end(), is_open_stack);
}

/// A stream that is asked for has not come yet, or none is asked for by its name.
bool Plan::misses_streams() const {
  const auto counts = [](const SiteRecord& record) { return record.wanted && !record.dropped && record.stack >= 0; };
  const auto is_missing = [&](const SiteRecord& record) { return counts(record) && record.hits == 0; };
  return std::any_of(records_.begin(), records_.end(), is_missing) ||
         std::none_of(records_.begin(), records_.end(), counts);
}

void Plan::settle() {
  resolving_ = is_open() && (misses_streams() || relearns_);
  reads_all_ = resolving_ || asks_for_norms_ || !first_uses_.empty();
  reads_results_ = resolving_;
  for (const auto& parameter : parameters_) {
    for (const auto& use : parameter.uses) {
      const bool indirect = use.reading != Reading::kNorm || use.at_addition;
      reads_all_ = reads_all_ || indirect;
      reads_results_ = reads_results_ || indirect;
    }
  }
}

std::vector<Site> Plan::sites() const {
  std::vector<const SiteRecord*> order;
  for (const auto& record : records_) {
    if (record.wanted && !record.dropped) {
      order.push_back(&record);
    }
  }
  const auto key = [](const SiteRecord* r) { return std::make_tuple(r->site.index < -1, r->stack, r->site.index); };
  std::stable_sort(order.begin(), order.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
  std::vector<Site> sites;
  sites.reserve(order.size());
  for (const auto* record : order) {
    sites.push_back(record->site);
  }
  return sites;
}

std::vector<std::string> Plan::unmatched_patterns() const {
  std::vector<std::string> unmatched;
  for (std::size_t i = 0; i < options_.sites().size(); ++i) {
    const auto hit = [&](const SiteRecord& r) { return !r.dropped && matches(i, r); };
    if (std::none_of(records_.begin(), records_.end(), hit)) {
      unmatched.push_back(options_.sites()[i]);
    }
  }
  return unmatched;
}

}  // namespace infoplane::hooks::detail
