#include "monitor/shape_advice.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

namespace infoplane {

namespace {

bool is_handed_over(const hooks::Site& site) noexcept {
  return site.kind == hooks::SiteKind::kTap || site.kind == hooks::SiteKind::kModuleOutput;
}

/// The name that a tap of this site is called by, which is without its number where it numbers itself.
std::string tap_name(const hooks::Site& site) {
  const auto begin = site.source.find('"');
  const auto end = site.source.rfind('"');
  const bool called = site.kind == hooks::SiteKind::kTap && begin != std::string::npos && begin < end;
  return called ? site.source.substr(begin + 1, end - begin - 1) : site.name;
}

std::string hand_over(const hooks::Site& site, const char* what, const std::string& tensor) {
  const char* const where = is_handed_over(site) ? " instead" : site.index >= 0 ? " where the block ends" : "";
  return detail::concat("hand over ", what, where, ": infoplane::tap(\"", tap_name(site), "\", ", tensor, ");");
}

std::string without(const hooks::Site& site, const std::vector<std::string>& all) {
  std::vector<std::string> names;
  for (const auto& name : all) {
    if (name != site.name) {
      names.push_back('"' + name + '"');
    }
  }
  constexpr std::size_t kMostNames = 12;
  return names.empty() || names.size() > kMostNames
             ? "leave the site out by the patterns of MonitorOptions::sites"
             : detail::concat("leave the site out: MonitorOptions().sites({", detail::join(names), "})");
}

std::string pattern_of(const std::string& stack) { return stack.empty() ? "*" : stack + ".*"; }

std::string of_two_axes(const hooks::Site& site, c10::IntArrayRef sizes, const ObservedTokens& tokens,
                        const std::vector<std::string>& all) {
  if (sizes[0] == tokens.sequences) {
    return detail::concat("it has one row for each sequence, as after pooling: ",
                          hand_over(site, "what is pooled", "x"), " Or ", without(site, all));
  }
  if (sizes[0] == tokens.counted) {
    return "it has one row for each position that the mask leaves, as of a packed forward: give observe() what the "
           "forward gets, the tokens packed into one row ([1, N]), with the number of the sequence of each as "
           "BatchDetails::documents";
  }
  return {};
}

std::string of_four_axes(const hooks::Site& site, c10::IntArrayRef sizes, const ObservedTokens& tokens,
                         const std::vector<std::string>& all) {
  if (sizes[0] != tokens.sequences) {
    return {};
  }
  if (sizes[1] * sizes[2] == tokens.length) {
    return "its positions lie on a grid: " + hand_over(site, "its rows", "x.flatten(1, 2)");
  }
  if (sizes[2] * sizes[3] == tokens.length) {
    return "its positions lie on a grid behind the channels: " +
           hand_over(site, "its rows", "x.flatten(2).transpose(1, 2)");
  }
  if (sizes[2] == tokens.length) {
    return "it is split into heads: " + hand_over(site, "them side by side", "x.transpose(1, 2).flatten(2)");
  }
  return detail::concat("a grid of ", sizes[1], " x ", sizes[2], " positions wants ", sizes[1] * sizes[2],
                        " tokens a sequence, one for each in row-major order. Or ", without(site, all));
}

/// `axis`: of the positions.
std::string of_another_length(const hooks::Site& site, int axis, c10::IntArrayRef sizes, const ObservedTokens& tokens,
                              const std::vector<std::string>& all, const std::vector<std::string>& stacks) {
  if (stacks.size() > 1) {
    return several_stacks(stacks);
  }
  const auto more = sizes[static_cast<std::size_t>(axis)] - tokens.length;
  const std::string own =
      detail::concat("Or, if its positions are those of other tokens, such as an encoder's, ", without(site, all),
                     "; a monitor of its own, MonitorOptions().sites(\"", site.name, "\"), can observe those");
  if (more > 0) {
    return detail::concat("it has ", more, more == 1 ? " position" : " positions",
                          " more than tokens. If these are a class token or virtual tokens in front, give observe() "
                          "BatchDetails().prefix(",
                          more, "); where they come last, .suffix(", more,
                          "); where single positions decide, .only(0) or .only(-1). ", own);
  }
  return detail::concat("it has ", -more, -more == 1 ? " position" : " positions",
                        " fewer than tokens: give observe() the tensor that the forward gets",
                        more == -1 ? ", such as tokens.slice(1, 0, -1)" : "", ". ", own);
}

std::string advice(const hooks::Site& site, c10::IntArrayRef sizes, const ObservedTokens& tokens,
                   const std::vector<std::string>& all, const std::vector<std::string>& stacks) {
  switch (sizes.size()) {
    case 2:
      return of_two_axes(site, sizes, tokens, all);
    case 3:
      if (sizes[0] * sizes[1] == tokens.sequences * tokens.length) {
        return detail::concat(
            "it has as many rows: give observe() the tokens in the shape that the forward gets, such as ",
            "tokens.view({", sizes[0], ", ", sizes[1], "})");
      }
      if (sizes[0] == tokens.sequences) {
        return of_another_length(site, 1, sizes, tokens, all, stacks);
      }
      if (sizes[1] == tokens.sequences) {
        return of_another_length(site, 0, sizes, tokens, all, stacks);
      }
      return {};
    case 4:
      return of_four_axes(site, sizes, tokens, all);
    default:
      return {};
  }
}

}  // namespace

bool fits(c10::IntArrayRef sizes, const ObservedTokens& tokens) noexcept {
  if (sizes.size() == 2) {
    return sizes[0] == tokens.sequences * tokens.length;
  }
  return sizes.size() == 3 && ((sizes[0] == tokens.sequences && sizes[1] == tokens.length) ||
                               (sizes[0] == tokens.length && sizes[1] == tokens.sequences));
}

std::string shape_error(const hooks::Site& site, c10::IntArrayRef sizes, const ObservedTokens& tokens,
                        const std::vector<std::string>& all, const std::vector<std::string>& stacks) {
  auto what = advice(site, sizes, tokens, all, stacks);
  if (what.empty()) {
    what = "observe the tokens that the model's forward gets, one forward an observation";
  }
  return detail::concat("site \"", site.name, "\" fired with shape [", detail::join(sizes),
                        "], which does not fit the ", tokens.sequences, " sequences of ", tokens.length,
                        " tokens given to observe(): ", what);
}

std::string several_stacks(const std::vector<std::string>& stacks) {
  std::vector<std::string> rows;
  rows.reserve(stacks.size());
  for (const auto& stack : stacks) {
    rows.push_back(detail::concat("{\"", pattern_of(stack), "\", tokens of it}"));
  }
  return detail::concat("the sites are of ", stacks.size(), " stacks of blocks (", detail::join(stacks),
                        "), observe() was given the tokens of one, and nothing shows that all stacks read them. Give "
                        "each stack its own: observe(step, BatchDetails().tokens({",
                        detail::join(rows),
                        "})). If all stacks do read these tokens: "
                        "MonitorOptions().stacks_share_tokens(true)");
}

}  // namespace infoplane
