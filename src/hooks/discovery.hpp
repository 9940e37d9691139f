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
  std::vector<std::string> blocks;  ///< paths, in the order of registration
};

/// The outermost repeated modules in a tree given by its parameters in order of registration. Children whose name ends
/// in a number and whose first norm has the same path inside them are blocks of one stack. Where nothing with a norm is
/// repeated, one such block alone is a stack; without norms, children whose first parameter has the same path.
std::vector<Stack> find_stacks(const std::vector<ParameterShape>& parameters);

/// The modules whose path matches `pattern`, grouped by the path of their parent.
std::vector<Stack> match_stacks(const std::vector<ParameterShape>& parameters, std::string_view pattern);

/// Whether `path` is `module` or lies in it.
bool lies_in(std::string_view path, std::string_view module) noexcept;

}  // namespace infoplane::hooks::detail
