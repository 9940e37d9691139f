#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/error.hpp>
#include <map>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/outputs.hpp"
#include "cli/token_file.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

const std::map<std::string, TokenKind> kKinds = {{"bytes", TokenKind::kBytes},
                                                 {"uint16", TokenKind::kUint16},
                                                 {"int32", TokenKind::kInt32},
                                                 {"int64", TokenKind::kInt64},
                                                 {"text", TokenKind::kText}};
const std::vector<std::string> kOrders = {"unigram", "bigram", "trigram", "quadgram"};

struct Solved {
  bound::Joint joint;
  bound::IbCurve curve;
  std::int64_t tokens = 0;
};

Solved solve(const BoundArguments& arguments) {
  const auto order = std::find(kOrders.begin(), kOrders.end(), arguments.order) - kOrders.begin() + 1;
  bound::NgramJointBuilder pairs(order, order);
  std::int64_t tokens = 0;
  for (const auto& path : arguments.texts) {
    tokens += add_token_file(pairs, path, kKinds.at(arguments.tokens));
  }
  auto joint = [&] {
    try {
      return pairs.build();
    } catch (const StateError&) {
      INFOPLANE_THROW(IoError, arguments.texts.front(), ": ", tokens, " token", tokens == 1 ? "" : "s",
                      " without a pair of ", arguments.order, "s: ", 2 * order, " in a row are needed at least");
    }
  }();
  const auto options = bound::IbCurveOptions()
                           .clusters(arguments.anchors)
                           .restarts(arguments.restarts)
                           .tolerance(arguments.tolerance)
                           .seed(arguments.seed);
  auto curve = bound::IbCurve::solve(joint, options);
  return {std::move(joint), std::move(curve), tokens};
}

void print_text(const BoundArguments& arguments, const Solved& solved, std::ostream& out) {
  const auto& [joint, curve, tokens] = solved;
  const auto unit = std::log(static_cast<double>(arguments.anchors));
  out << fmt::format(
      "{} tokens, {} pairs of {}s: {} different ones in front, {} behind, {} pairs\n"
      "H(X) {:.4f}, H(Y) {:.4f}, I(X;Y) {:.4f} nats\n"
      "IB curve of {} corners, at most {:.4f} nats below their tangents\n\n",
      tokens, static_cast<std::int64_t>(joint.total()), arguments.order, joint.rows(), joint.columns(),
      joint.nonzeros(), curve.row_entropy(), curve.column_entropy(), curve.information(), curve.points().size(),
      curve.tolerance());
  out << fmt::format(
      "The most that can be known about what comes next, I(Y;Z), where I(X;Z) is kept; and both / log {}\n"
      "{:>8}  {:>8}  {:>10}  {:>12}  {:>10}  {:>15}\n",
      arguments.anchors, "I(X;Z)", "I(Y;Z)", "complexity", "expressivity", "optimality", "share of I(X;Y)");
  const auto last = curve.points().back().complexity;
  for (std::int64_t i = 1; i <= arguments.rows; ++i) {
    const auto x = last * static_cast<double>(i) / static_cast<double>(arguments.rows), y = curve.expressivity_at(x);
    out << fmt::format("{:>8.4f}  {:>8.4f}  {:>10.4f}  {:>12.4f}  {:>10.4f}  {:>13.1f} %\n", x, y, x / unit, y / unit,
                       y / x, 100 * y / curve.information());
  }
  out << '\n' << text::printable(arguments.output) << '\n';
}

nlohmann::ordered_json to_json(const BoundArguments& arguments, const Solved& solved) {
  const auto& [joint, curve, tokens] = solved;
  nlohmann::ordered_json json{{"output", arguments.output},
                              {"order", arguments.order},
                              {"anchors", arguments.anchors},
                              {"tokens", tokens},
                              {"pairs", static_cast<std::int64_t>(joint.total())},
                              {"rows", joint.rows()},
                              {"columns", joint.columns()},
                              {"nonzeros", joint.nonzeros()},
                              {"unit", "nats"},
                              {"row_entropy", curve.row_entropy()},
                              {"column_entropy", curve.column_entropy()},
                              {"information", curve.information()},
                              {"tolerance", curve.tolerance()},
                              {"points", nlohmann::ordered_json::array()}};
  for (const auto& point : curve.points()) {
    json["points"].push_back({{"complexity", point.complexity},
                              {"expressivity", point.expressivity},
                              {"beta", json_number(point.beta)},
                              {"clusters", point.clusters}});
  }
  return json;
}

}  // namespace

void bound(BoundArguments arguments, Context& context) {
  if (arguments.output.empty()) {
    arguments.output = std::filesystem::path(arguments.texts.front()).replace_extension(".curve.json").string();
  }
  require_apart(context, Output{arguments.output, "curve", "text"}, arguments.texts);
  const auto solved = solve(arguments);
  solved.curve.save(arguments.output);
  if (arguments.json) {
    print_json(to_json(arguments, solved), context.out);
  } else {
    print_text(arguments, solved, context.out);
  }
}

}  // namespace infoplane::cli
