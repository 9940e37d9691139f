#include "monitor/site_groups.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

namespace infoplane {

namespace {

/// "encoder" of "*encoder*", "encoder.*" and "encoder.**".
std::string name_of_row(const std::string& pattern) {
  const auto is_kept = [](char c) { return c != '*' && c != '?'; };
  std::string name;
  std::copy_if(pattern.begin(), pattern.end(), std::back_inserter(name), is_kept);
  const auto first = name.find_first_not_of('.');
  return first == std::string::npos ? "all" : name.substr(first, name.find_last_not_of('.') - first + 1);
}

}  // namespace

std::vector<SiteGroup> groups_of(const std::vector<SharedSite>& sites) {
  std::vector<SiteGroup> groups;
  std::vector<std::string> rows;  // of each group
  bool several_rows = false, several_widths = false;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const auto& site = sites[i];
    if (site.width == 0) {
      continue;
    }
    std::size_t group = 0;
    while (group < groups.size() && (rows[group] != site.row || groups[group].width != site.width)) {
      ++group;
    }
    if (group == groups.size()) {
      groups.push_back({"", site.width, {}});
      rows.push_back(site.row);
      several_rows = several_rows || rows.front() != site.row;
      several_widths = several_widths || groups.front().width != site.width;
    }
    groups[group].sites.push_back(i);
  }
  for (std::size_t group = 0; group < groups.size() && groups.size() > 1; ++group) {
    auto& name = groups[group].name;
    name = several_rows ? name_of_row(rows[group]) : "";
    if (several_widths) {
      name += detail::concat(name.empty() ? "d" : " d", groups[group].width);
    }
  }
  return groups;
}

std::size_t group_of(const std::vector<SiteGroup>& groups, std::size_t site) {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const SiteGroup& group) {
    return std::find(group.sites.begin(), group.sites.end(), site) != group.sites.end();
  });
  return static_cast<std::size_t>(found - groups.begin());
}

std::size_t main_group(const std::vector<SiteGroup>& groups, const std::vector<SharedSite>& sites) {
  std::size_t main = groups.size(), most = 1;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    const auto& of_group = groups[group].sites;
    const auto blocks = static_cast<std::size_t>(
        std::count_if(of_group.begin(), of_group.end(), [&](std::size_t i) { return sites[i].index >= 0; }));
    if (blocks >= most) {
      main = group;
      most = blocks;
    }
  }
  return main;
}

}  // namespace infoplane
