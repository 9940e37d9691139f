#include "monitor/centres.hpp"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "core/state.hpp"

namespace infoplane {

namespace {

/// What float32 can hold.
bool is_centre(const std::vector<double>& values) {
  return !values.empty() && std::all_of(values.begin(), values.end(),
                                        [](double value) { return std::isfinite(static_cast<float>(value)); });
}

}  // namespace

void Centres::learn(const plane::Point& point, const std::vector<estimator::NamedEstimate>& estimates,
                    const std::vector<hooks::Site>& sites, const std::vector<SharedSite>& names) {
  std::map<std::string, const std::vector<double>*> found;
  for (const auto& [name, estimate] : estimates) {
    if (point.layer(name) != nullptr && is_centre(estimate.centre)) {  // of draws of the anchors the first
      found.emplace(name, &estimate.centre);
    }
  }
  for (const auto& [name, centre] : found) {
    centres_.insert_or_assign(name, *centre);
  }
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (const auto centre = found.find(names[i].name); centre != found.end()) {
      centres_.insert_or_assign(sites[i].name, *centre->second);
    }
  }
}

at::Tensor Centres::of(const std::string& site) const {
  const auto centre = centres_.find(site);
  return centre == centres_.end() ? at::Tensor() : at::tensor(centre->second, at::kDouble);
}

void Centres::save(state::Writer& out) const {
  out.put(static_cast<std::uint32_t>(centres_.size()));
  for (const auto& [site, centre] : centres_) {
    out.put_text(site);
    out.put_array(centre);
  }
}

void Centres::load(state::Reader& in) {
  std::map<std::string, std::vector<double>> centres;
  for (auto sites = in.get<std::uint32_t>(); sites > 0; --sites) {
    auto site = in.get_text();
    auto centre = in.get_array<double>();
    state::Reader::require(is_centre(centre), "a site has a centre that is none");
    centres.insert_or_assign(std::move(site), std::move(centre));
  }
  centres_ = std::move(centres);
}

}  // namespace infoplane
