// Which modules are the blocks: siblings that differ in their norms, and containers that hold other things too.
#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)

namespace {

using Step = std::function<Tensor(const Tensor&)>;

/// A module with a function for its forward.
struct PartImpl : nn::Module {
  Step step;
  Tensor forward(const Tensor& x) { return step(x); }
};
using Part = std::shared_ptr<PartImpl>;

Part part(const std::vector<std::pair<std::string, std::shared_ptr<nn::Module>>>& children, Step step) {
  auto result = std::make_shared<PartImpl>();
  for (const auto& [name, child] : children) {
    result->register_module(name, child);
  }
  result->step = std::move(step);
  return result;
}

/// x + mlp(norm(x)), the norm under a name of its choice.
Part pre_norm(const std::string& norm_name) {
  auto norm = layer_norm();
  auto mlp = Mlp();
  return part({{norm_name, norm.ptr()}, {"mlp", mlp.ptr()}},
              [norm, mlp](const Tensor& x) mutable { return x + mlp(norm(x)); });
}

Part post_norm(const std::string& norm_name) {
  auto norm = layer_norm();
  auto mlp = Mlp();
  return part({{norm_name, norm.ptr()}, {"mlp", mlp.ptr()}},
              [norm, mlp](const Tensor& x) mutable { return norm(x + mlp(x)); });
}

Part bare_pre_norm() {
  auto mlp = Mlp();
  return part({{"mlp", mlp.ptr()}},
              [mlp](const Tensor& x) mutable { return x + mlp(F::layer_norm(x, F::LayerNormFuncOptions({kWidth}))); });
}

/// As `pre_norm`, behind another norm of the stream.
Part with_ln0(bool has_weight) {
  auto ln0 = has_weight ? layer_norm() : bare_norm();
  auto inner = pre_norm("ln1");
  auto children = inner->named_children();
  std::vector<std::pair<std::string, std::shared_ptr<nn::Module>>> all = {{"ln0", ln0.ptr()}};
  for (const auto& child : children) {
    all.emplace_back(child.key(), child.value());
  }
  return part(all, [ln0, inner](const Tensor& x) mutable { return inner->forward(ln0(x)); });
}

/// Parts one after another, by name; those called "embedding" or a block's name are noted.
struct Row : Traced {
  struct Item {
    std::string path;
    std::shared_ptr<nn::Module> module;
    Step step;
    std::string note;  // what its output is, empty where it is no stream
  };
  explicit Row(std::vector<Item> items_) : items(std::move(items_)) {
    for (const auto& item : items) {
      const auto dot = item.path.rfind('.');
      if (dot == std::string::npos) {
        register_module(item.path, item.module);
        continue;
      }
      const auto holder = item.path.substr(0, dot);
      if (!named_children().contains(holder)) {
        register_module(holder, std::make_shared<TreeImpl>());
      }
      named_children()[holder]->register_module(item.path.substr(dot + 1), item.module);
    }
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = tokens;
    for (const auto& item : items) {
      x = item.step(x);
      if (!item.note.empty()) {
        note(item.note, x);
      }
    }
    return x;
  }
  std::vector<Item> items;
};

Row::Item embed_item(const std::string& path) {
  auto module = embedding();
  return {path, module.ptr(), [module](const Tensor& x) mutable { return module(x); }, "embedding"};
}
Row::Item block_item(const std::string& path, const Part& block) { return {path, block, block->step, path}; }
Row::Item norm_item(const std::string& path) {
  auto module = layer_norm();
  return {path, module.ptr(), [module](const Tensor& x) mutable { return module(x); }, ""};
}
Row::Item head_item(const std::string& path) {
  auto module = output_head();
  return {path, module.ptr(), [module](const Tensor& x) mutable { return module(x); }, ""};
}

/// Embedding, blocks "layers.N", final norm and head.
std::vector<Row::Item> stacked(const std::vector<Part>& blocks) {
  std::vector<Row::Item> items = {embed_item("embed")};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    items.push_back(block_item(numbered("layers.", static_cast<int64_t>(i)), blocks[i]));
  }
  items.push_back(norm_item("norm"));
  items.push_back(head_item("head"));
  return items;
}

}  // namespace

TEST_CASE("one more norm in front of block 0: the embedding is what enters it", "[streams]") {
  Row model(stacked({with_ln0(true), pre_norm("ln1"), pre_norm("ln1"), pre_norm("ln1")}));
  require_streams(model);
}

TEST_CASE("one more norm without weight in front of block 0: the stream is what it returns", "[streams]") {
  auto blocks = stacked({with_ln0(false), pre_norm("ln1"), pre_norm("ln1")});
  auto ln0 = bare_norm();
  blocks[0].step = [embed = blocks[0].step, ln0](const Tensor& tokens) mutable { return ln0(embed(tokens)); };
  auto plain = pre_norm("ln1");
  blocks[1] = block_item("layers.0", plain);  // the same model: whose norm it is, no one can tell
  Row model(blocks);
  require_streams(model);
}

TEST_CASE("one more norm behind a block in the middle", "[streams]") {
  auto ln = layer_norm();
  auto inner = pre_norm("ln1");
  auto block = part({{"inner", inner}, {"out_norm", ln.ptr()}},
                    [ln, inner](const Tensor& x) mutable { return ln(inner->forward(x)); });
  Row model(stacked({pre_norm("ln1"), block, pre_norm("ln1")}));
  require_streams(model);
}

TEST_CASE("hybrids: blocks that call their norms otherwise, or have none, are blocks", "[streams]") {
  Row two_of_six(stacked({pre_norm("input_norm"), pre_norm("input_norm"), pre_norm("mixer_norm"),
                          pre_norm("input_norm"), pre_norm("mixer_norm"), pre_norm("input_norm")}));
  require_streams(two_of_six);
  Row half(stacked({pre_norm("a"), pre_norm("b"), pre_norm("a"), pre_norm("b")}));
  require_streams(half);
  Row some_bare(stacked({pre_norm("a"), bare_pre_norm(), pre_norm("a"), bare_pre_norm(), bare_pre_norm()}));
  require_streams(some_bare);
  Row one_normed(stacked({bare_pre_norm(), pre_norm("a"), bare_pre_norm()}));
  require_streams(one_normed);
  Row post(stacked({post_norm("a"), post_norm("b"), post_norm("a")}));
  require_streams(post);
  Row both(stacked({pre_norm("a"), post_norm("b"), pre_norm("a"), post_norm("b")}));
  require_streams(both);
}

TEST_CASE("more blocks than digits come in the order of their numbers", "[streams]") {
  std::vector<Part> blocks;
  for (int i = 0; i < 12; ++i) {
    blocks.push_back(pre_norm(i % 5 == 3 ? "other" : "ln"));
  }
  Row model(stacked(blocks));
  require_streams(model);
  REQUIRE(Watcher(model).sites()[3].name == "layers.2");
}

TEST_CASE("one Sequential with an embedding, a stem, dropout, blocks, a norm, and a head of two maps", "[streams]") {
  auto in = nn::Linear(kWidth, kWidth);
  auto out = nn::Linear(kWidth, kWidth);
  auto ln = layer_norm();
  const auto stem = part({{"norm", ln.ptr()}, {"in", in.ptr()}, {"out", out.ptr()}},
                         [ln, in, out](const Tensor& x) mutable { return out(torch::relu(in(ln(x)))); });
  auto up = nn::Linear(kWidth, 16);
  auto down = nn::Linear(16, kVocabulary);
  const auto head = part({{"up", up.ptr()}, {"down", down.ptr()}},
                         [up, down](const Tensor& x) mutable { return down(torch::relu(up(x))); });
  auto items = std::vector<Row::Item>{
      embed_item("net.0"),
      {"net.1", stem, stem->step, "embedding"},
      block_item("net.2", pre_norm("ln")),
      {"net.3", nn::Dropout(0.1).ptr(), [](const Tensor& x) { return torch::dropout(x, 0.1, true); }, "net.2"},
      block_item("net.4", pre_norm("ln")),
      block_item("net.5", bare_pre_norm())};
  items[0].note = "";
  items[2].note = "";  // what the dropout returns is what the next block adds to
  auto with_norm = items;
  with_norm.push_back(norm_item("net.6"));
  with_norm.push_back({"net.7", head, head->step, ""});
  Row normed(with_norm);
  require_streams(normed);
  auto with_head = items;
  with_head.push_back({"net.6", head, head->step, ""});
  Row headed(with_head);
  require_streams(headed);
}

TEST_CASE("blocks of two kinds in lists of their own, which take turns", "[streams]") {
  Row model({embed_item("embed"), block_item("mixers.0", pre_norm("ln")), block_item("mlps.0", pre_norm("ln")),
             block_item("mixers.1", pre_norm("ln")), block_item("mlps.1", pre_norm("ln")), norm_item("norm"),
             head_item("head")});
  require_streams(model);
  Row numbered_row({embed_item("embed"), block_item("mixer0", pre_norm("ln")), block_item("mlp0", pre_norm("ln")),
                    block_item("mixer1", pre_norm("ln")), block_item("mlp1", pre_norm("ln")), norm_item("norm"),
                    head_item("head")});
  require_streams(numbered_row);
}

TEST_CASE("norms in a list beside that of the blocks", "[streams]") {
  Row model([] {
    std::vector<Row::Item> items = {embed_item("embed")};
    for (int i = 0; i < 3; ++i) {
      auto norm = layer_norm();
      auto block = bare_pre_norm();
      auto mlp = Mlp(std::dynamic_pointer_cast<infoplane::testing::MlpImpl>(block->named_children()["mlp"]));
      items.push_back({numbered("norms.", i), norm.ptr(), [](const Tensor& x) { return x; }, ""});
      items.push_back({numbered("layers.", i), block, [norm, mlp](const Tensor& x) mutable { return x + mlp(norm(x)); },
                       numbered("layers.", i)});
    }
    items.push_back(norm_item("norm"));
    items.push_back(head_item("head"));
    return items;
  }());
  require_streams(model);
}

TEST_CASE("blocks can be named where the outermost repeated modules are others", "[streams]") {
  const auto stage = [](const std::string& name) {
    return std::vector<Row::Item>{block_item(name + ".0", pre_norm("ln")), block_item(name + ".1", pre_norm("ln"))};
  };
  std::vector<Row::Item> items = {embed_item("embed")};
  for (const auto& item : stage("stage_a")) {
    items.push_back(item);
  }
  for (const auto& item : stage("stage_b")) {
    items.push_back(item);
  }
  items.push_back(norm_item("norm"));
  items.push_back(head_item("head"));
  Row model(items);
  require_streams(model, WatchOptions().blocks("stage_?.*"));
  require_streams(model);
}
