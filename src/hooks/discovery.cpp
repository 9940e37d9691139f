#include "hooks/discovery.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "hooks/glob.hpp"

namespace infoplane::hooks::detail {
namespace {

constexpr std::string_view kDigits = "0123456789";

/// Without the blocks that lie in other blocks, and the stacks that are nothing else.
std::vector<Stack> without_inner(std::vector<Stack> stacks) {
  const auto is_inner = [all = stacks](const std::string& block) {
    return std::any_of(all.begin(), all.end(), [&](const Stack& stack) {
      return std::any_of(stack.blocks.begin(), stack.blocks.end(),
                         [&](const std::string& outer) { return outer != block && lies_in(block, outer); });
    });
  };
  for (auto& stack : stacks) {
    std::erase_if(stack.blocks, is_inner);
  }
  std::erase_if(stacks, [](const Stack& stack) { return stack.blocks.empty(); });
  return stacks;
}

/// A module whose name ends in a number.
struct Child {
  std::string path;
  int matrices = 0;
  bool has_norm = false;

  /// One matrix and nothing else, such as a Linear or an Embedding: no block where there are any that are more.
  bool is_leaf() const noexcept { return matrices == 1 && !has_norm; }
};

/// Siblings whose names differ in their number only.
struct Family {
  std::string container;
  bool is_list = false;  // the names are nothing but numbers
  std::vector<Child> children;

  template <typename Condition>
  std::size_t count(Condition condition) const {
    return static_cast<std::size_t>(std::count_if(children.begin(), children.end(), condition));
  }
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
        families.push_back({std::string(parent_path(path)), stem.empty() || stem.back() == '.', {}});
      }
      auto& children = families[position->second].children;
      auto child = std::find_if(children.begin(), children.end(), [&](const Child& c) { return c.path == path; });
      if (child == children.end()) {
        child = children.insert(children.end(), Child{std::string(path), 0, false});
      }
      child->matrices += parameter.dim >= 2 ? 1 : 0;
      child->has_norm = child->has_norm || parameter.norm_like();
    }
  }
  return families;
}

/// The paths in the order of their numbers, however many digits they have.
void sort_by_number(std::vector<std::string>& paths) {
  const auto digits = [](const std::string& path) {
    auto number = std::string_view(path).substr(path.find_last_not_of(kDigits) + 1);
    while (number.size() > 1 && number.front() == '0') {
      number.remove_prefix(1);
    }
    return number;
  };
  std::stable_sort(paths.begin(), paths.end(), [&](const std::string& a, const std::string& b) {
    const auto left = digits(a);
    const auto right = digits(b);
    return left.size() != right.size() ? left.size() < right.size() : left < right;
  });
}

/// The outermost of the families that `is_stack` accepts, with the children that `is_block` accepts.
template <typename IsStack, typename IsBlock>
std::vector<Stack> outermost_stacks(const std::vector<Family>& families, IsStack is_stack, IsBlock is_block) {
  std::vector<Stack> stacks;
  for (const auto& family : families) {
    if (is_stack(family)) {
      auto& stack = stacks.emplace_back(Stack{family.container, {}});
      for (const auto& child : family.children) {
        if (is_block(child)) {
          stack.blocks.push_back(child.path);
        }
      }
      sort_by_number(stack.blocks);
    }
  }
  return without_inner(std::move(stacks));
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
  const auto is_leaf = [](const Child& child) { return child.is_leaf(); };
  const auto is_block = [](const Child& child) { return child.matrices > 0 && !child.is_leaf(); };
  const auto is_normed = [](const Child& child) { return child.matrices > 0 && child.has_norm; };
  const auto is_repeated = [&](const Family& family) { return family.count(is_normed) >= 2; };
  const auto is_list = [&](const Family& family) { return family.is_list && family.count(is_normed) >= 1; };
  // A list of one is a stack, unless what it holds is a model with lists of its own.
  const auto holds_list = [&](const Family& family) {
    return std::any_of(families.begin(), families.end(), [&](const Family& inner) {
      return is_list(inner) && std::any_of(family.children.begin(), family.children.end(), [&](const Child& child) {
               return inner.children.front().path != child.path && lies_in(inner.children.front().path, child.path);
             });
    });
  };
  using Condition = std::function<bool(const Family&)>;
  const std::array<Condition, 6> conditions = {
      [&](const Family& family) { return is_repeated(family) || (is_list(family) && !holds_list(family)); },
      [&](const Family& family) { return family.count(is_normed) == 1 && family.count(is_block) >= 2; },
      [&](const Family& family) { return family.count(is_normed) == 1; },
      [&](const Family& family) { return family.count(is_block) >= 2; },
      [&](const Family& family) { return family.is_list && family.count(is_block) == 1; },
      [&](const Family& family) { return family.count(is_leaf) >= 2; }};
  for (const auto& condition : conditions) {
    auto stacks = &condition == &conditions.back() ? outermost_stacks(families, condition, is_leaf)
                                                   : outermost_stacks(families, condition, is_block);
    if (!stacks.empty()) {
      return stacks;
    }
  }
  return {};
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
  for (auto& stack : stacks) {
    sort_by_number(stack.blocks);
  }
  return without_inner(std::move(stacks));
}

}  // namespace infoplane::hooks::detail
