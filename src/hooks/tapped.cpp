// Tensors that were tapped under names of their own: the streams of sites, or others.
#include <infoplane/core/error.hpp>

#include <algorithm>
#include <utility>

#include "hooks/backward.hpp"
#include "hooks/glob.hpp"
#include "hooks/pass.hpp"
#include "hooks/site_resolver.hpp"

namespace infoplane::hooks::detail {

/// A name without a number that is no site of the model counts its calls.
std::pair<std::string, int> Pass::numbered(std::string_view tap) {
  const int number = tap == "embedding" ? -1 : number_of(tap);
  if (tap == "embedding" || number >= 0 || plan_.find_record(tap) >= 0) {
    return {std::string(tap), number};
  }
  const int call = tap_numbers_.next(tap);
  return {infoplane::detail::concat(tap, '.', call), call};
}

void Pass::tap(std::string_view name, const at::Tensor& tensor, SiteKind kind, bool is_part) {
  if (!tensor.defined() || in_backward()) {
    return;
  }
  const auto [site, index] = numbered(name);
  const auto source = infoplane::detail::concat("tap(\"", name, "\")");
  int record = plan_.find_record(site);
  record = record < 0 ? plan_.tapped(site) : record;
  if (record < 0 && resolves() && !is_part) {
    resolver_->tap({site, source, kind, tensor});
    return;
  }
  const bool is_new = record < 0;
  record = is_new ? plan_.record(site) : record;
  if (!has_come(record)) {
    name_tapped(record, is_new, is_part ? -2 : index, kind, source);
  }
  if (has_come(record) && name == "embedding" && fired_[record] == Source::kTap) {
    tap_numbers_.restart();  // another forward
  }
  operator_name_ = "tap";
  fire(record, tensor, Source::kTap);
}

/// A site of the tree keeps its place in the order: "net.1" may be the first block. What is no site of the tree is the
/// output of a block only where no blocks are known.
void Pass::name_tapped(int record, bool is_new, int index, SiteKind kind, const std::string& source) {
  const auto& known = plan_.records()[record];
  if (known.site.kind == kind && known.hits > 0) {
    return;
  }
  const int place = plan_.stacks().empty() ? index : -2;
  plan_.refine(record, kind, source, is_new ? place : known.site.index, is_new ? 0 : known.stack);
}

void SiteResolver::tap(Tapped tapped) {
  tapped.value = flow_.value(tapped.tensor);
  int record = -1;
  for (const auto& use : uses_) {
    if (use.accepted && flow_.same(use.stream, tapped.value)) {
      record = use.site;  // was read before it was tapped
    }
  }
  for (const auto& [site, value] : outputs_) {
    record = flow_.same(value, tapped.value) ? site : record;
  }
  if (record >= 0 && plan_.records()[record].wanted) {
    plan_.set_tapped(tapped.name, record);
    return;
  }
  tapped.tensor = tapped.tensor.variable_data();
  taps_.push_back(std::move(tapped));
  constexpr std::size_t kMostHeld = 8;
  if (taps_.size() > kMostHeld) {
    std::vector<Tapped> first = {std::move(taps_.front())};
    taps_.erase(taps_.begin());
    flush(std::move(first), true);
  }
}

/// The site's tensor was tapped: then that is the site, under its own name.
bool SiteResolver::settle_taps(int record, Flow::Value value) {
  auto taps = std::exchange(taps_, {});
  const auto is_site = [&](const Tapped& tapped) {
    return flow_.same(tapped.value, value) && tapped.tensor.numel() == flow_.numel(value);
  };
  const auto found = plan_.records()[record].wanted ? std::find_if(taps.begin(), taps.end(), is_site) : taps.end();
  if (found == taps.end()) {
    sort_out(std::move(taps), plan_.records()[record].site.index);
    return false;
  }
  auto& site = plan_.records()[record];
  const bool is_new = !is_handed_over(site.site.kind) || site.hits == 0;
  if (is_new) {
    plan_.refine(record, found->kind, found->source, site.site.index, site.stack);
  }
  std::vector<Tapped> others;
  for (auto& tapped : taps) {
    if (is_site(tapped)) {
      plan_.set_tapped(tapped.name, record);
    } else {
      others.push_back(tapped);
    }
  }
  fire_(record, found->tensor, "tap", FiredBy::kTap);
  sort_out(std::move(others), plan_.records()[record].site.index);
  return true;
}

/// Where a later block's output was seen, nothing more will show what earlier ones handed on.
void SiteResolver::sort_out(std::vector<Tapped> taps, int index) {
  for (auto& tapped : taps) {
    const auto last = std::string_view(tapped.name).substr(tapped.name.rfind('.') + 1);
    const int number = number_of(tapped.name);
    const bool is_by_order = tapped.name == infoplane::detail::concat("blocks.", last) && number >= 0;
    if (is_by_order && number > index) {
      taps_.push_back(std::move(tapped));
    } else {
      flush({std::move(tapped)}, is_by_order && number < index);
    }
  }
}

/// What was tapped is the stream of no site, so it is one of its own, outside of the means over blocks; but where
/// nothing shows what the n-th block hands on, "blocks.n" is the word of the user for it.
void SiteResolver::flush(std::vector<Tapped> taps, bool by_order) {
  for (const auto& tapped : taps) {
    int record = -1;
    for (int i = 0; by_order && i < static_cast<int>(plan_.records().size()); ++i) {
      const auto& r = plan_.records()[i];
      const bool is_of_tree = r.stack == 0 && r.site.index >= 0 && !is_handed_over(r.site.kind) && !r.dropped;
      if (is_of_tree && r.wanted && r.hits == 0 && tapped.name == infoplane::detail::concat("blocks.", r.site.index)) {
        record = i;
      }
    }
    if (record >= 0) {
      plan_.set_tapped(tapped.name, record);
      plan_.refine(record, tapped.kind, tapped.source, plan_.records()[record].site.index, 0);
    } else {
      record = plan_.record(tapped.name);
      plan_.refine(record, tapped.kind, tapped.source, -2, 0);
    }
    fire_(record, tapped.tensor, "tap", FiredBy::kTap);
  }
}

}  // namespace infoplane::hooks::detail
