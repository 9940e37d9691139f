#include <torch/csrc/jit/runtime/print_handler.h>
#include <torch/serialize/input-archive.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>

#include "callbacks/checkpoints.hpp"

// Archives that somebody made to harm whoever restores them.
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using checkpoints::Net;
using checkpoints::Records;
using infoplane::BestCheckpoint;
using infoplane::IoError;

namespace {

std::string printed;  // by code in an archive

/// Collects what TorchScript prints.
struct Prints {
  Prints() : before(torch::jit::getPrintHandler()) {
    printed.clear();
    torch::jit::setPrintHandler([](const std::string& text) { printed += text; });
  }
  ~Prints() { torch::jit::setPrintHandler(before); }
  torch::jit::PrintHandler before;
};

constexpr const char* kRoot = "code/__torch__.py";

struct Sample {
  places::Folder folder;
  std::string path = folder.file("best.pt");
  Net net;
  Records records;
  Sample() {
    checkpoints::save(path, *net);
    records = checkpoints::records_of(path);
  }
  void refused(const Records& changed, const std::string& reason) {
    checkpoints::write(path, changed);
    const auto before = net->map->weight.detach().clone();
    const Prints prints;
    REQUIRE_THROWS_MATCHES(
        BestCheckpoint(path, net).restore(), IoError,
        MessageMatches(ContainsSubstring("the checkpoint " + path + " cannot be read: ") && ContainsSubstring(reason)));
    REQUIRE(printed.empty());
    REQUIRE(at::equal(net->map->weight, before));
  }
};

std::string code(char character) { return std::string(1, character); }
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
std::string text(const std::string& value) {
  std::string length(4, '\0');
  length[0] = static_cast<char>(value.size());
  return "X" + length + value;
}
std::string small(int value) { return "K" + code(static_cast<char>(value)); }
std::string tuple(const std::string& content) { return "(" + content + "t"; }

/// A pickle whose root object has one attribute.
std::string pickled(const std::string& value) {
  return "\x80\x02" + global("__torch__", "Module") + ")\x81}(" + text("layout") + value + "ub.";
}

std::string storage(const std::string& key, int elements, const std::string& type = "FloatStorage") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + small(elements)) + "Q";
}

std::string tensor(const std::string& stored, int offset, const std::string& sizes, const std::string& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(stored + small(offset) + tuple(sizes) + tuple(strides) + "\x89" + global("collections", "OrderedDict") +
               ")R") +
         "R";
}

}  // namespace

TEST_CASE("an archive with code is refused before LibTorch runs it", "[callbacks][checkpoint]") {
  Sample sample;
  auto records = sample.records;
  records[kRoot] =
      "class Module(Module):\n"
      "  __parameters__ = []\n"
      "  __buffers__ = []\n"
      "  def __getstate__(self: __torch__.Module) -> int:\n"
      "    return 1\n"
      "  def __setstate__(self: __torch__.Module,\n"
      "    state: int) -> NoneType:\n"
      "    print(\"ran\")\n"
      "    return None\n";
  records["data.pkl"] = "\x80\x02" + global("__torch__", "Module") + ")\x81" + small(1) + "b.";
  sample.refused(records,
                 "it carries code, and a checkpoint is data only: line 4 of code/__torch__.py declares no attribute");
  const Prints prints;  // LibTorch alone does run it
  torch::serialize::InputArchive archive;
  archive.load_from(sample.path);
  REQUIRE(printed == "ran\n");
}

TEST_CASE("code that is no declaration of an attribute is refused, wherever it stands", "[callbacks][checkpoint]") {
  Sample sample;
  checkpoints::write(sample.path, sample.records);
  REQUIRE(BestCheckpoint(sample.path, sample.net).restore() == 10);
  const auto with = [&](const std::string& line) {
    CAPTURE(line);
    for (const auto* record : {kRoot, "code/__torch__/___torch_mangle_0.py"}) {
      auto records = sample.records;
      REQUIRE(records.contains(record));
      records[record] += line + "\n";
      sample.refused(records, std::string(" of ") + record + " declares no attribute");
    }
  };
  for (const auto* line : {"  def f(self) -> int:",
                           "def f() -> int:",
                           "print(1)",
                           "  print(1)",
                           "  x : Final[int] = 3",
                           "  x = 3",
                           "  x : int(3)",
                           "  x : __torch__.torch.classes.quantized.LinearPackedParamsBase",
                           "  x : __torch__.Other",
                           "  x : a.b",
                           "class Other(Module):",
                           "  __forward_hooks__ = [f]",
                           "  __parameters__ = [print(1)]",
                           "  __annotations__[\"x\"] = print(1)",
                           "  __annotations__[print(1)] = int",
                           "  x : ",
                           "  x : [,]",
                           "\tx : int",
                           "    x : int",
                           "  __parameters__ = [\"a\", ",
                           "  __annotations__[\"x] = int",
                           "  1x : int"}) {
    with(line);
  }
  auto records = sample.records;
  records[kRoot].replace(0, 21, "class Module(NamedTuple):");
  sample.refused(records, "line 1 of code/__torch__.py");
  for (const auto* line :
       {"  x : int", "  __annotations__[\"x y\\\"z\"] = Dict[str, Tensor]", "  x : Optional[Tuple[int, float]]"}) {
    records = sample.records;
    records[kRoot] += std::string(line) + "\n";
    checkpoints::write(sample.path, records);
    // Nothing is wrong with the class; LibTorch misses the attribute in the pickle.
    REQUIRE_THROWS_MATCHES(BestCheckpoint(sample.path, sample.net).restore(), IoError,
                           MessageMatches(!ContainsSubstring("declares no attribute")));
  }
}

TEST_CASE("records that no checkpoint has are refused", "[callbacks][checkpoint]") {
  Sample sample;
  for (const auto* name : {"code/other.py", "code/__torch__/other.py", "code/__torch__/___torch_mangle_0.txt",
                           "code/__torch__.pyc", "model.json", "bytecode.pkl", "extra/x", "constants/0", "data/a",
                           "data/0/1", "ts_code/0", "CODE/__torch__.py"}) {
    CAPTURE(name);
    auto records = sample.records;
    records[name] = "0";
    sample.refused(records, "it has the record \"" + std::string(name) + "\", ");
  }
  auto records = sample.records;
  records["\x1b[2J"] = "0";
  sample.refused(records, "it has the record \"?[2J\", and a checkpoint is data only");
  records = sample.records;
  records["constants.pkl"] = "\x80\x02(K\1t.";
  sample.refused(records, "it has constants, and a checkpoint has none");
  for (const auto* name : {"data.pkl", "constants.pkl"}) {
    records = sample.records;
    records.erase(name);
    sample.refused(records, "it is no archive of LibTorch's OutputArchive");
  }
  records = sample.records;
  records["code/__torch__.py.debug_pkl"] = "\x80\x02" + global("os", "system") + ")R.";
  sample.refused(records, "it names a function or a class that makes no data");
  records = sample.records;
  records["code/__torch__.py"] += std::string(10000000, '\n');  // compresses well
  sample.refused(records, "its record \"code/__torch__.py\" is larger than any checkpoint's");
}

TEST_CASE("a pickle that is more than data, or lies about its sizes, is refused", "[callbacks][checkpoint]") {
  Sample sample;
  const auto refused = [&](const std::string& pickle, const std::string& reason) {
    CAPTURE(reason);
    auto records = sample.records;
    records["data.pkl"] = pickle;
    records["data/7"] = std::string(16, '\0');
    sample.refused(records, "its pickle is none that a checkpoint has: " + reason);
  };
  const auto value = [&](const std::string& of, const std::string& reason) { refused(pickled(of), reason); };
  const auto floats = storage("7", 4);

  // What the unpickler would call.
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                        {"builtins", "eval"},
                                                        {"__torch__", "Other"},
                                                        {"__torch__.___torch_mangle_99", "Module"},
                                                        {"__torch__.torch.classes.quantized", "LinearPackedParamsBase"},
                                                        {"__main__", "TensorID"},
                                                        {"torch.distributed.rpc", "rref"},
                                                        {"torch.jit._pickle", "build_tensor_from_id"},
                                                        {"torch._tensor", "_rebuild_from_type_v2"},
                                                        {"collections", "deque"}}) {
    CAPTURE(module, name);
    value(global(module, name) + ")R", "it names a function or a class that makes no data");
  }
  value(global("torch._utils", "_rebuild_qtensor") + ")R", "it has a tensor that is not dense");
  value(global("torch", "QInt8Storage"), "it has numbers of a kind that no checkpoint keeps");
  value(global("torch", "load") + ")R", "it has numbers of a kind that no checkpoint keeps");
  value(small(0) + ")R", "what is called is no function");  // the unpickler's functions have numbers
  value(small(0) + ")\x81", "what is made is no object");
  value(small(0) + "}b", "attributes have no new object");

  // Tensors outside of their storages.
  value(storage("7", 5), "a storage is not as long as its record");
  value(storage("7", 3), "a storage is not as long as its record");
  value(storage("8", 1), "a storage is not as long as its record");
  value(storage("7", 4, "DoubleStorage"), "a storage is not as long as its record");
  value(storage("../data.pkl", 4), "a storage is described in another way");
  value(tensor(floats, 0, small(5), small(1)), "a tensor reaches out of its storage");
  value(tensor(floats, 1, small(4), small(1)), "a tensor reaches out of its storage");
  value(tensor(floats, 0, small(2) + small(2), small(3) + small(1)), "a tensor reaches out of its storage");
  value(tensor(floats, 4, "", ""), "a tensor reaches out of its storage");
  value(tensor(floats, 5, small(0), small(1)), "a tensor starts outside of its storage");
  value(tensor(floats, 0, small(2), ""), "a tensor is described in another way");
  value(tensor(floats, 0, "J\xff\xff\xff\xff", small(1)), "a tensor is described in another way");
  value(tensor(floats, 0, small(2), "J\xff\xff\xff\xff"), "a tensor is described in another way");
  const std::string large("\x8a\x08\0\0\0\0\1\0\0\0", 10);
  value(tensor(floats, 0, large + large, small(0) + small(0)), "a tensor has too many elements");
  value(tensor(floats, 0, large, small(1)), "a tensor reaches out of its storage");
  value(tensor(text("7"), 0, small(1), small(1)), "a tensor is described in another way");

  // What confuses the unpickler's stack.
  value("}(" + text("a") + "u", "a key has no value");
  value("}(" + text("a") + small(1) + small(2) + "u", "a key has no value");
  value("](" + text("a") + small(1) + "u", "what is filled is no new list or dictionary");
  value("0", "it has an unknown instruction");
  value("t", "a mark is missing");
  value("(((\x87", "a value is missing");
  value("\x87", "a value is missing");
  value("h\x05", "it refers to a value that is not there");
  value(small(1) + std::string("r\xff\xff\xff\x7f", 5), "it numbers its values in another order");
  refused("\x80\x02]q", "it ends too early");
  value(std::string("]q\0(h\0e", 7), "a list or dictionary is referred to before it is filled");
  value("\x8a\x01\x01", "a number has no eight bytes");
  value(std::string("X\xff\xff\xff\xff", 5), "it ends too early");
  value(")" + std::string(100000, '\x85'), "it nests too deep");
  value(global("torch.jit._pickle", "restore_type_tag") + tuple("](e" + text("__torch__.torch.classes.X")) + "R",
        "a type is none of a list or dictionary");
  refused("", "it ends too early");
  refused("\x80\x04.", "it is not of protocol 2");
  refused("\x80\x02.", "it does not end with one value");
  refused("\x80\x02K\1.", "it makes no object");
  refused(pickled(small(1)) + "N", "it does not end with one value");
  auto whole = sample.records.at("data.pkl");
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    auto records = sample.records;
    records["data.pkl"] = whole.substr(0, size);
    sample.refused(records, "its pickle is none that a checkpoint has: it ends too early");
  }
}

TEST_CASE("tensors that are not the ones of the layout are refused", "[callbacks][checkpoint]") {
  struct Wide : torch::nn::Module {
    Wide() {
      register_module("map", std::make_shared<torch::nn::LinearImpl>(4, 5));
      register_buffer("count", at::zeros({1}));
    }
  };
  Sample sample;
  Wide wide;
  checkpoints::save(sample.path, wide);
  auto records = checkpoints::records_of(sample.path);
  auto& pickle = records.at("data.pkl");
  for (auto at = pickle.find("Float [5"); at != std::string::npos; at = pickle.find("Float [5")) {
    pickle[at + 7] = '3';
  }
  checkpoints::write(sample.path, records);
  const auto before = sample.net->map->weight.detach().clone();
  REQUIRE_THROWS_MATCHES(
      BestCheckpoint(sample.path, sample.net).restore(), infoplane::ShapeError,
      Catch::Matchers::Message("the checkpoint " + sample.path + " has map.bias as Float [5], the model as Float [3]"));
  REQUIRE(at::equal(sample.net->map->weight, before));
}
