#include "hooks/discovery.hpp"

#include <catch2/catch_test_macros.hpp>

#include "hooks/glob.hpp"

using infoplane::hooks::detail::find_stacks;
using infoplane::hooks::detail::glob_match;
using infoplane::hooks::detail::match_stacks;
using infoplane::hooks::detail::number_of;
using infoplane::hooks::detail::ParameterShape;
using infoplane::hooks::detail::parent_path;

namespace {

using Names = std::vector<std::string>;

std::vector<ParameterShape> shapes(const Names& matrices_and_norms) {
  std::vector<ParameterShape> result;
  for (const auto& name : matrices_and_norms) {
    const bool is_vector = name.find("ln") != std::string::npos || name.find("norm") != std::string::npos ||
                           name.find("bias") != std::string::npos;
    result.push_back({name, is_vector ? 1 : 2});
  }
  return result;
}

}  // namespace

TEST_CASE("globs stay inside a part unless doubled", "[discovery]") {
  REQUIRE(glob_match("blocks.*", "blocks.12"));
  REQUIRE_FALSE(glob_match("blocks.*", "blocks.0.ln1"));
  REQUIRE(glob_match("blocks.**", "blocks.0.ln1"));
  REQUIRE(glob_match("**.ln1", "model.blocks.0.ln1"));
  REQUIRE(glob_match("blocks.?.ln?", "blocks.0.ln1"));
  REQUIRE_FALSE(glob_match("blocks?0", "blocks.0"));
  REQUIRE(glob_match("*", ""));
  REQUIRE_FALSE(glob_match("", "x"));
  REQUIRE(glob_match("*a*b", "xaxxb"));
}

TEST_CASE("paths and numbers", "[discovery]") {
  REQUIRE(parent_path("a.b.weight") == "a.b");
  REQUIRE(parent_path("weight").empty());
  REQUIRE(number_of("blocks.12") == 12);
  REQUIRE(number_of("7") == 7);
  for (const auto* name :
       {"h3.out", "blocks", "gpt2", "encoder1.blocks", "blocks.3a", "blocks.-3", "blocks.", "", "."}) {
    INFO(name);
    REQUIRE(number_of(name) == -1);
  }
}

TEST_CASE("repeated modules are the blocks", "[discovery]") {
  const auto stacks = find_stacks(shapes({"wte.weight", "h.0.ln1.weight", "h.0.mlp.0.weight", "h.0.mlp.2.weight",
                                          "h.1.ln1.weight", "h.1.mlp.0.weight", "h.1.mlp.2.weight", "ln_f.weight"}));
  REQUIRE(stacks.size() == 1);
  REQUIRE(stacks[0].container == "h");
  REQUIRE(stacks[0].blocks == Names{"h.0", "h.1"});
}

TEST_CASE("children of one Sequential that differ from the blocks are none", "[discovery]") {
  const auto stacks = find_stacks(
      shapes({"0.weight", "1.ln1.weight", "1.fc.weight", "2.ln1.weight", "2.fc.weight", "3.norm", "4.weight"}));
  REQUIRE(stacks.size() == 1);
  REQUIRE(stacks[0].container.empty());
  REQUIRE(stacks[0].blocks == Names{"1", "2"});
}

TEST_CASE("an encoder and a decoder are two stacks", "[discovery]") {
  const auto stacks = find_stacks(shapes(
      {"encoder.layers.0.norm1.weight", "encoder.layers.0.w", "encoder.layers.1.norm1.weight", "encoder.layers.1.w",
       "decoder.layers.0.norm1.weight", "decoder.layers.0.w", "decoder.layers.1.norm1.weight", "decoder.layers.1.w"}));
  REQUIRE(stacks.size() == 2);
  REQUIRE(stacks[1].blocks == Names{"decoder.layers.0", "decoder.layers.1"});
}

TEST_CASE("a single block, blocks without norms, and nothing", "[discovery]") {
  const auto single = find_stacks(shapes({"wte.weight", "block0.fc1.weight", "block0.fc2.weight", "block0.ln.weight"}));
  REQUIRE(single.size() == 1);
  REQUIRE(single[0].blocks == Names{"block0"});
  const auto plain = find_stacks(shapes({"fc0.weight", "fc0.bias", "fc1.weight", "fc1.bias"}));
  REQUIRE(plain.size() == 1);
  REQUIRE(plain[0].blocks == Names{"fc0", "fc1"});
  REQUIRE(find_stacks(shapes({"wte.weight", "head.weight"})).empty());
}

TEST_CASE("named blocks are grouped by their parent", "[discovery]") {
  const auto stacks = match_stacks(shapes({"s.0.b.0.ln.weight", "s.0.b.1.ln.weight", "s.1.b.0.ln.weight"}), "s.*.b.*");
  REQUIRE(stacks.size() == 2);
  REQUIRE(stacks[0].container == "s.0.b");
  REQUIRE(stacks[0].blocks == Names{"s.0.b.0", "s.0.b.1"});
  REQUIRE(stacks[1].blocks == Names{"s.1.b.0"});
}
