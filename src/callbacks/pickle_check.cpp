#include "callbacks/pickle_check.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "callbacks/pickle_item.hpp"

namespace infoplane::callbacks {
namespace {

using pickle::Item;
using pickle::Kind;
using pickle::require;

constexpr int kDeepest = 400;  // two a module

enum class Function : std::uint8_t { kOrderedDict, kTensor, kList, kTypeTag, kDevice };

/// A function that makes data, by the module and the name that it is pickled under.
struct KnownFunction {
  std::string_view module, name;
  Function function;
};

constexpr std::array kKnownFunctions = {
    KnownFunction{"collections", "OrderedDict", Function::kOrderedDict},
    KnownFunction{"torch._utils", "_rebuild_tensor_v2", Function::kTensor},
    KnownFunction{"torch.jit._pickle", "build_intlist", Function::kList},
    KnownFunction{"torch.jit._pickle", "build_doublelist", Function::kList},
    KnownFunction{"torch.jit._pickle", "build_boollist", Function::kList},
    KnownFunction{"torch.jit._pickle", "build_tensorlist", Function::kList},
    KnownFunction{"torch.jit._pickle", "restore_type_tag", Function::kTypeTag},
    KnownFunction{"torch", "device", Function::kDevice},
};

/// Such as "Dict[str, Tensor]".
bool is_plain_type(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '[' || c == ']' || c == ',' || c == ' ';
  });
}

class Checker {
 public:
  Checker(std::string_view bytes, const PickleSurroundings& surroundings) : rest_(bytes), surroundings_(surroundings) {}

  Kind run() {
    require(take(2) == std::string_view("\x80\x02"), "it is not of protocol 2");
    while (step(take(1).front())) {
    }
    require(rest_.empty() && marks_.empty() && stack_.size() == 1, "it does not end with one value");
    return stack_.front().kind;
  }

 private:
  std::string_view take(std::size_t count) {
    require(count <= rest_.size(), "it ends too early");
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::string_view line() {
    const auto end = rest_.find('\n');
    require(end != std::string_view::npos, "it ends too early");
    const auto text = take(end);
    take(1);
    return text;
  }

  void push(Kind kind, std::int64_t value = 0) { stack_.push_back({kind, value, {}, nullptr, 0, false}); }

  /// The last `count` values, none from before the last mark.
  std::vector<Item> pop(std::size_t count) {
    const auto floor = marks_.empty() ? 0 : marks_.back();
    require(stack_.size() >= floor + count, "a value is missing");
    std::vector<Item> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }

  std::vector<Item> pop_to_mark() {
    require(!marks_.empty(), "a mark is missing");
    auto items = pop(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  static int depth_of(const std::vector<Item>& items) {
    int deepest = 0;
    for (const auto& item : items) {
      deepest = std::max(deepest, item.depth);
    }
    require(deepest < kDeepest, "it nests too deep");
    return deepest + 1;
  }

  void push_tuple(std::vector<Item> items) {
    const int depth = depth_of(items);
    stack_.push_back({Kind::kTuple, 0, {}, std::make_shared<const std::vector<Item>>(std::move(items)), depth, false});
  }

  /// Puts what stands behind the mark into the list or dictionary before it, which is new: else it could hold itself.
  void fill(Kind kind) {
    const auto items = pop_to_mark();
    const auto container = pop(1);
    require(container[0].kind == kind && container[0].unfilled, "what is filled is no new list or dictionary");
    if (kind == Kind::kDict) {
      require(items.size() % 2 == 0, "a key has no value");
      for (std::size_t i = 0; i < items.size(); i += 2) {
        require(items[i].kind == Kind::kText || items[i].kind == Kind::kInt, "a key is neither text nor a number");
      }
    }
    push(kind);
    stack_.back().depth = depth_of(items);
  }

  void memoize(std::size_t place) {
    require(place == memo_.size(), "it numbers its values in another order");
    const auto value = pop(1);
    require(!value[0].unfilled, "a list or dictionary is referred to before it is filled");
    memo_.push_back(value[0]);
    stack_.push_back(value[0]);
  }

  void recall(std::size_t place) {
    require(place < memo_.size(), "it refers to a value that is not there");
    stack_.push_back(memo_[place]);
  }

  void global() {
    const auto module = line(), name = line();
    const auto known = std::find_if(kKnownFunctions.begin(), kKnownFunctions.end(), [&](const KnownFunction& each) {
      return each.module == module && each.name == name;
    });
    if (known != kKnownFunctions.end()) {
      push(Kind::kFunction, static_cast<std::int64_t>(known->function));
    } else if (module == "torch") {
      const auto bytes = pickle::element_bytes(name);
      require(bytes > 0, "it has numbers of a kind that no checkpoint keeps, such as quantized ones");
      push(Kind::kStorageType, bytes);
    } else {
      require(module != "torch._utils", "it has a tensor that is not dense, which no checkpoint keeps");
      require(name == "Module" && is_archive_module(module) && surroundings_.has_class(module),
              "it names a function or a class that makes no data");
      push(Kind::kClass);
    }
  }

  void call() {
    const auto operands = pop(2);
    require(operands[0].kind == Kind::kFunction && operands[1].kind == Kind::kTuple, "what is called is no function");
    const auto& arguments = *operands[1].parts;
    const auto is = [&](std::size_t place, Kind kind) {
      return place < arguments.size() && arguments[place].kind == kind;
    };
    switch (static_cast<Function>(operands[0].number)) {
      case Function::kOrderedDict:
        require(arguments.empty(), "an OrderedDict is not empty");
        return push(Kind::kNone);
      case Function::kTensor:
        pickle::check_tensor(arguments);
        return push(Kind::kTensor);
      case Function::kList:
        require(arguments.size() == 1 && is(0, Kind::kList), "a list is none");
        return stack_.push_back(arguments[0]);
      case Function::kTypeTag:
        require(arguments.size() == 2 && (is(0, Kind::kList) || is(0, Kind::kDict)) && is(1, Kind::kText) &&
                    is_plain_type(arguments[1].text),
                "a type is none of a list or dictionary");
        return stack_.push_back(arguments[0]);
      case Function::kDevice:
        require(arguments.size() == 1 && is(0, Kind::kText), "a device has no name");
        return push(Kind::kDevice);
    }
  }

  /// One instruction; false at the end.
  bool step(char code) {
    if (code == '.') {
      return false;
    }
    require(collects(code) || is_constant(code) || remembers(code) || makes(code), "it has an unknown instruction");
    return true;
  }

  /// Takes an instruction that makes or fills a tuple, list or dictionary; false where it is none.
  bool collects(char code) {
    switch (code) {
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case ')':
        push_tuple({});
        return true;
      case 't':
        push_tuple(pop_to_mark());
        return true;
      case '\x85':
      case '\x86':
      case '\x87':
        push_tuple(pop(static_cast<std::size_t>(static_cast<unsigned char>(code) - 0x84U)));
        return true;
      case ']':
        push(Kind::kList);
        stack_.back().unfilled = true;
        return true;
      case '}':
        push(Kind::kDict);
        stack_.back().unfilled = true;
        return true;
      case 'e':
        fill(Kind::kList);
        return true;
      case 'u':
        fill(Kind::kDict);
        return true;
      default:
        return false;
    }
  }

  /// The same for one that holds its value.
  bool is_constant(char code) {
    switch (code) {
      case 'N':
        push(Kind::kNone);
        return true;
      case '\x88':
      case '\x89':
        push(Kind::kBool);
        return true;
      case 'K':
        push(Kind::kInt, number<std::uint8_t>());
        return true;
      case 'M':
        push(Kind::kInt, number<std::uint16_t>());
        return true;
      case 'J':
        push(Kind::kInt, number<std::int32_t>());
        return true;
      case '\x8a':
        require(number<std::uint8_t>() == sizeof(std::int64_t), "a number has no eight bytes");
        push(Kind::kInt, number<std::int64_t>());
        return true;
      case 'G':
        take(sizeof(double));
        push(Kind::kFloat);
        return true;
      case 'X': {
        const auto text = take(number<std::uint32_t>());
        push(Kind::kText);
        stack_.back().text = text;
        return true;
      }
      default:
        return false;
    }
  }

  /// The same for one that keeps a value or gives back one that was kept.
  bool remembers(char code) {
    switch (code) {
      case 'q':
        memoize(number<std::uint8_t>());
        return true;
      case 'r':
        memoize(number<std::uint32_t>());
        return true;
      case 'h':
        recall(number<std::uint8_t>());
        return true;
      case 'j':
        recall(number<std::uint32_t>());
        return true;
      default:
        return false;
    }
  }

  /// The same for one that names or calls what makes data.
  bool makes(char code) {
    switch (code) {
      case 'c':
        global();
        return true;
      case 'R':
        call();
        return true;
      case 'Q':
        push(Kind::kStorage, pickle::check_storage(pop(1)[0], surroundings_));
        return true;
      case '\x81':
        make_object();
        return true;
      case 'b':
        set_attributes();
        return true;
      default:
        return false;
    }
  }

  void make_object() {
    const auto operands = pop(2);
    require(operands[0].kind == Kind::kClass && operands[1].kind == Kind::kTuple && operands[1].parts->empty(),
            "what is made is no object");
    push(Kind::kEmptyObject);
  }

  void set_attributes() {
    const auto operands = pop(2);
    require(operands[0].kind == Kind::kEmptyObject && operands[1].kind == Kind::kDict, "attributes have no new object");
    push(Kind::kObject);
    stack_.back().depth = depth_of(operands);
  }

  std::string_view rest_;
  const PickleSurroundings& surroundings_;
  std::vector<Item> stack_, memo_;
  std::vector<std::size_t> marks_;
};

}  // namespace

bool is_archive_module(std::string_view text) noexcept {
  constexpr std::string_view kRoot = "__torch__", kMangled = "__torch__.___torch_mangle_";
  return text == kRoot || (text.starts_with(kMangled) && pickle::is_number(text.substr(kMangled.size())));
}

void check_pickle(std::string_view bytes, const PickleSurroundings& surroundings, bool object) {
  const auto kind = Checker(bytes, surroundings).run();
  require(!object || kind == Kind::kObject, "it makes no object");
}

}  // namespace infoplane::callbacks
