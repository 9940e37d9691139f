#include "hooks/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/text.hpp"

namespace infoplane::hooks {

const char* to_string(SiteKind kind) noexcept {
  switch (kind) {
    case SiteKind::kNormInput:
      return "norm input";
    case SiteKind::kNormOutput:
      return "norm output";
    case SiteKind::kNormalisedStream:
      return "normalised stream";
    case SiteKind::kCentredStream:
      return "centred stream";
    case SiteKind::kLinearInput:
      return "linear input";
    case SiteKind::kEmbedding:
      return "embedding";
    case SiteKind::kTap:
      return "tap";
    case SiteKind::kModuleOutput:
      return "module output";
    case SiteKind::kResidualStream:
      return "residual stream";
  }
  return "unknown";
}

namespace detail {
namespace {

using text::printable;

constexpr const char* kAdvice =
    "What to do:\n"
    "  * the forward must run inside the scope, on the thread that opened it;\n"
    "  * a norm or head that was replaced or tied after the watcher was made: call rescan();\n"
    "  * shared_ptr<BlockImpl> or as<BlockImpl>() bypasses Hookable, as forward is not virtual: call the holder, or\n"
    "    as<Hookable<BlockImpl>>();\n"
    "  * a module that is not registered, or a fused kernel that skips the norm: put x = infoplane::tap(\"NAME\", x)\n"
    "    where the block ends;\n"
    "  * a block that is not used: leave it out of WatchOptions::sites, or name the blocks with WatchOptions::blocks.";

/// What to write in the model's code so that nothing has to be found out.
std::string line_of_tap(const Plan& plan, const SiteRecord& record) {
  const auto line = fmt::format("x = infoplane::tap(\"{}\", x);", printable(record.site.name));
  if (plan.is_script()) {
    return fmt::format("a script has no place for a tap: call its blocks from C++, and write {} between them", line);
  }
  const auto& stack = plan.stacks()[static_cast<std::size_t>(record.stack)];
  return record.site.index < 0
             ? fmt::format("write {} before {} is called", line, printable(plan.blocks()[stack.blocks.front()].path))
             : fmt::format("write {} where {} has returned x", line, printable(record.site.name));
}

/// Length of the stream's last axis, from the norm that reads it; 0 where the source does not say.
std::int64_t width(const Plan& plan, const SiteRecord& record) {
  const int parameter = plan.find_name(record.site.source);
  const bool known = parameter >= 0 && plan.parameter(parameter).norm_like;
  return known ? plan.parameter(parameter).tensor.numel() : 0;
}

std::string shape_of(const Plan& plan, const SiteRecord& record) {
  if (!record.shape.empty()) {
    return fmt::format("[{}]", fmt::join(record.shape, ", "));
  }
  const auto channels = width(plan, record);
  return channels > 0 ? fmt::format("[.., {}]", channels) : "unknown";
}

}  // namespace

std::string complain(const Plan& plan) {
  std::string lines;
  std::int64_t silent = 0;
  std::int64_t wanted = 0;
  for (const auto& record : plan.records()) {
    if (!record.wanted || record.dropped) {
      continue;
    }
    ++wanted;
    if (record.hits == 0) {
      ++silent;
      lines += fmt::format("  {}: 0 hits, expected as {} at {}, shape {}\n", printable(record.site.name),
                           to_string(record.site.kind),
                           record.site.source.empty() ? "?" : printable(record.site.source), shape_of(plan, record));
      if (!record.doubt.empty()) {
        lines += fmt::format("    {}; {}\n", printable(record.doubt), line_of_tap(plan, record));
      }
    }
  }
  for (const auto& pattern : plan.unmatched_patterns()) {
    lines += pattern == "auto"
                 ? "  \"auto\": no repeated blocks and no fused norm were found, and nothing was tapped\n"
                 : fmt::format("  pattern \"{}\": no site and no norm has such a name\n", printable(pattern));
  }
  if (lines.empty()) {
    return lines;
  }
  std::string fired;
  for (const auto& record : plan.records()) {
    if (record.hits > 0) {
      fired += fmt::format("  {}: {} hits, {} at {}, shape {}\n", printable(record.site.name), record.hits,
                           record.operator_name, printable(record.site.source), shape_of(plan, record));
    }
  }
  return fmt::format("{} of {} watched sites have not fired:\n{}{}{}{}", silent, wanted, lines,
                     fired.empty() ? "Nothing has fired.\n" : "These have fired:\n", fired, kAdvice);
}

std::string complain_of_sources(const Plan& plan, const std::vector<NamedTensor>& tensors) {
  std::string lines;
  for (const auto& record : plan.records()) {
    const int source = record.wanted && !record.dropped ? plan.find_name(record.site.source) : -1;
    const auto is_source = [&](const NamedTensor& item) { return item.tensor.is_same(plan.parameter(source).tensor); };
    if (source >= 0 && std::none_of(tensors.begin(), tensors.end(), is_source)) {
      lines += fmt::format("  {}: was read at {}, {} hits\n", printable(record.site.name),
                           printable(record.site.source), record.hits);
    }
  }
  return lines.empty() ? lines
                       : "these sites are read at parameters that the model no longer has:\n" + lines +
                             "Call rescan() after a norm or head was replaced, or after adapters were added.";
}

std::string describe(const Plan& plan) {
  std::string text;
  for (const auto& stack : plan.stacks()) {
    const auto first = printable(plan.blocks()[stack.blocks.front()].path);
    const auto last = printable(plan.blocks()[stack.blocks.back()].path);
    text += fmt::format("{} blocks, {} to {}, {}\n", stack.blocks.size(), first, last,
                        stack.post_norm    ? "post-norm"
                        : plan.resolving() ? "not yet observed"
                                           : "read where each begins");
    if (!stack.expects_tail && !stack.post_norm) {
      text += fmt::format("nothing follows the last block, so the output of {} is not seen: tap it\n", last);
    }
  }
  if (plan.stacks().empty()) {
    text += plan.reads_any_norm() ? "no repeated blocks were found: each fused norm is a site, in the order of calls\n"
                                  : "no module: taps only\n";
  }
  text += fmt::format("{:<24} {:<18} {:<32} {:>6} {:>7}  {:<18} {}\n", "site", "kind", "read at", "hits", "repeats",
                      "operator", "shape");
  for (const auto& site : plan.sites()) {
    const auto& records = plan.records();
    const auto position =
        std::find_if(records.begin(), records.end(), [&](const SiteRecord& r) { return r.site.name == site.name; });
    text +=
        fmt::format("{} {:<18} {} {:>6} {:>7}  {:<18} {}\n", text::padded(printable(site.name), 24),
                    to_string(site.kind), text::padded(printable(site.source), 32), position->hits, position->repeats,
                    position->operator_name.empty() ? "-" : position->operator_name, shape_of(plan, *position));
  }
  return text;
}

}  // namespace detail
}  // namespace infoplane::hooks
