#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::hooks::detail {

/// What discovery needs to know of a parameter.
struct ParameterShape {
  std::string name;
  std::int64_t dim = 0;

  /// Whether it could be the weight of a norm: one axis and not called a bias.
  bool norm_like() const noexcept;
};

/// Repeated modules that the stream passes one after another.
struct Stack {
  std::string container;            ///< "blocks", "encoder.layers", or empty where they are children of the root
  std::vector<std::string> blocks;  ///< paths, in the order of their numbers
};

/// The outermost repeated modules in a tree given by its parameters: children whose names differ in their number only
/// and which hold a matrix, whatever they call their norms. Beside children with more, a Linear or an Embedding is no
/// block. Families of which two children have a norm go before those of which one has, and these before those without;
/// where nothing is repeated, a numbered child with a norm is a stack by itself.
std::vector<Stack> find_stacks(const std::vector<ParameterShape>& parameters);

/// The outermost modules whose path matches `pattern`, grouped by the path of their parent.
std::vector<Stack> match_stacks(const std::vector<ParameterShape>& parameters, std::string_view pattern);

/// Whether `path` is `module` or lies in it.
bool lies_in(std::string_view path, std::string_view module) noexcept;

}  // namespace infoplane::hooks::detail
