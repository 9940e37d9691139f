#pragma once

#include <string_view>

namespace infoplane::hooks::detail {

/// Whether the whole of `text` matches: `?` and `*` stay inside one component of a dotted path, `**` matches anything.
bool glob_match(std::string_view pattern, std::string_view text) noexcept;

/// Whether the whole of a site's name matches: `*` (or `**`) stands for any text, `?` for one character.
bool name_match(std::string_view pattern, std::string_view name) noexcept;

/// The path without its last component: "blocks.0.ln1" of "blocks.0.ln1.weight"; empty for a name without a dot.
std::string_view parent_path(std::string_view path) noexcept;

/// The last component of a path where it is a number, or −1: 3 of "blocks.3", none of "gpt2" or "encoder1.blocks".
int number_of(std::string_view path) noexcept;

}  // namespace infoplane::hooks::detail
