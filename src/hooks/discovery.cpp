#include "hooks/discovery.hpp"

#include <algorithm>
#include <map>

#include "hooks/glob.hpp"

namespace infoplane::hooks::detail {
namespace {

constexpr std::string_view kDigits = "0123456789";

/// A module whose name ends in a number.
struct Child {
  std::string path;
  std::string first_norm;       // path inside the child
  std::string first_parameter;  // likewise
  bool has_matrix = false;
};

/// Siblings whose names differ in their number only.
struct Family {
  std::string container;
  std::vector<Child> children;
};

std::vector<Family> find_families(const std::vector<ParameterShape>& parameters) {
  std::vector<Family> families;
  std::map<std::string, std::size_t, std::less<>> index;  // path with the number cut off → family
  for (const auto& parameter : parameters) {
    const std::string_view name = parameter.name;
    for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
      const auto path = name.substr(0, dot);
      const auto stem = path.substr(0, path.find_last_not_of(kDigits) + 1);
      if (stem.size() == path.size()) {
        continue;
      }
      const auto [position, is_new] = index.try_emplace(std::string(stem), families.size());
      if (is_new) {
        families.push_back({std::string(parent_path(path)), {}});
      }
      auto& children = families[position->second].children;
      auto child = std::find_if(children.begin(), children.end(), [&](const Child& c) { return c.path == path; });
      if (child == children.end()) {
        child = children.insert(children.end(), Child{std::string(path), "", std::string(name.substr(dot + 1)), false});
      }
      child->has_matrix = child->has_matrix || parameter.dim >= 2;
      if (child->first_norm.empty() && parameter.norm_like()) {
        child->first_norm = name.substr(dot + 1);
      }
    }
  }
  return families;
}

/// The largest set of children that agree in `key`, of those that have a matrix and a non-empty key.
template <typename Key>
Stack largest_class(const Family& family, Key key) {
  std::map<std::string, std::vector<std::string>, std::less<>> classes;
  for (const auto& child : family.children) {
    if (child.has_matrix && !key(child).empty()) {
      classes[key(child)].push_back(child.path);
    }
  }
  const auto largest = std::max_element(classes.begin(), classes.end(),
                                        [](auto& a, auto& b) { return a.second.size() < b.second.size(); });
  return largest == classes.end() ? Stack{} : Stack{family.container, largest->second};
}

template <typename Key>
std::vector<Stack> outermost_stacks(const std::vector<Family>& families, Key key, std::size_t at_least) {
  std::vector<Stack> stacks;
  for (const auto& family : families) {
    auto stack = largest_class(family, key);
    if (stack.blocks.size() >= at_least) {
      stacks.push_back(std::move(stack));
    }
  }
  const auto inside_another = [&](const Stack& inner) {
    return std::any_of(stacks.begin(), stacks.end(), [&](const Stack& outer) {
      return std::any_of(outer.blocks.begin(), outer.blocks.end(), [&](const std::string& block) {
        return inner.blocks.front() != block && lies_in(inner.blocks.front(), block);
      });
    });
  };
  std::vector<Stack> outermost;
  std::copy_if(stacks.begin(), stacks.end(), std::back_inserter(outermost),
               [&](const Stack& stack) { return !inside_another(stack); });
  return outermost;
}

}  // namespace

bool ParameterShape::norm_like() const noexcept {
  const std::string_view leaf = std::string_view(name).substr(name.rfind('.') + 1);
  return dim == 1 && leaf.find("bias") == std::string_view::npos;
}

bool lies_in(std::string_view path, std::string_view module) noexcept {
  return path.starts_with(module) && (path.size() == module.size() || path[module.size()] == '.');
}

std::vector<Stack> find_stacks(const std::vector<ParameterShape>& parameters) {
  const auto families = find_families(parameters);
  const auto by_norm = [](const Child& child) -> const std::string& { return child.first_norm; };
  const auto by_parameter = [](const Child& child) -> const std::string& { return child.first_parameter; };
  auto stacks = outermost_stacks(families, by_norm, 2);
  if (stacks.empty()) {
    stacks = outermost_stacks(families, by_norm, 1);
  }
  if (stacks.empty()) {
    stacks = outermost_stacks(families, by_parameter, 2);
  }
  return stacks;
}

std::vector<Stack> match_stacks(const std::vector<ParameterShape>& parameters, std::string_view pattern) {
  std::vector<Stack> stacks;
  for (const auto& parameter : parameters) {
    const std::string_view name = parameter.name;
    for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
      const auto path = name.substr(0, dot);
      if (!glob_match(pattern, path)) {
        continue;
      }
      const auto container = parent_path(path);
      auto stack = std::find_if(stacks.begin(), stacks.end(), [&](const Stack& s) { return s.container == container; });
      if (stack == stacks.end()) {
        stack = stacks.insert(stacks.end(), Stack{std::string(container), {}});
      }
      if (std::find(stack->blocks.begin(), stack->blocks.end(), path) == stack->blocks.end()) {
        stack->blocks.emplace_back(path);
      }
    }
  }
  return stacks;
}

}  // namespace infoplane::hooks::detail
