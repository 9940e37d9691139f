#include "callbacks/archive_check.hpp"

#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "callbacks/class_check.hpp"
#include "callbacks/pickle_check.hpp"

namespace infoplane::callbacks {
namespace {

using caffe2::serialize::PyTorchStreamReader;

constexpr std::string_view kData = "data/", kCode = "code/", kClass = ".py", kDebug = ".py.debug_pkl";
constexpr std::string_view kConstants = std::string_view("\x80\x02).", 4);  // pickle of an empty tuple

/// For LibTorch's reader of archives.
class Source : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit Source(const ArchiveFile& file) : file_(file) {}
  std::size_t size() const override { return file_.size(); }
  std::size_t read(std::uint64_t at, void* into, std::size_t count, const char* /*what*/) const override {
    return file_.read(at, into, count);
  }

 private:
  const ArchiveFile& file_;
};

/// A name from the file, for a message.
std::string shown(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  std::string text(name.substr(0, kLongest));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return '"' + text + (name.size() > kLongest ? "…\"" : "\"");
}

class Archive {
 public:
  explicit Archive(const ArchiveFile& file)
      : reader_(std::make_shared<Source>(file)), unread_(kMostExpansion * file.size()) {
    std::uint64_t stored = 0;
    for (const auto& name : reader_.getAllRecords()) {
      INFOPLANE_CHECK(names_.insert(name).second, IoError, "it has two records ", shown(name));
      if (name.starts_with(kData)) {
        const auto key = name.substr(kData.size());
        INFOPLANE_CHECK(is_digits(key), IoError, "it has the record ", shown(name), ", which no checkpoint has");
        stored += storages_[key] = reader_.getRecordSize(name);
        INFOPLANE_CHECK(stored <= file.size(), IoError, "its tensors are larger than the file");
      }
    }
  }

  /// @throws IoError if there is a record that LibTorch might take for something else than data.
  void check() {
    for (const auto& name : names_) {
      if (name.starts_with(kCode) && is_code(name)) {
        name.ends_with(kDebug) ? check_pickle(read(name), nothing(), false) : check_class(read(name), name);
        continue;
      }
      // Names that begin with a dot are LibTorch's notes on the archive itself.
      INFOPLANE_CHECK(name.starts_with(kData) || name.starts_with('.') || name == "data.pkl" ||
                          name == "constants.pkl" || name == "version" || name == "byteorder",
                      IoError, "it has the record ", shown(name), ", and a checkpoint is data only");
    }
    INFOPLANE_CHECK(names_.contains("data.pkl") && names_.contains("constants.pkl"), IoError,
                    "it is no archive of LibTorch's OutputArchive");
    INFOPLANE_CHECK(read("constants.pkl") == kConstants, IoError, "it has constants, and a checkpoint has none");
    check_pickle(read("data.pkl"), surroundings(), true);
  }

 private:
  static constexpr std::uint64_t kMostExpansion = 64;  // of the records that are compressed, which are small texts

  static bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  }

  /// "code/__torch__/___torch_mangle_3.py" → "__torch__.___torch_mangle_3"
  static std::string module_of(std::string_view name) {
    const auto end = name.ends_with(kDebug) ? kDebug.size() : name.ends_with(kClass) ? kClass.size() : 0;
    std::string module(name.substr(kCode.size(), name.size() - kCode.size() - end));
    std::replace(module.begin(), module.end(), '/', '.');
    return end == 0 ? "" : module;
  }
  static bool is_code(const std::string& name) { return is_archive_module(module_of(name)); }

  static PickleSurroundings nothing() {
    return {[](std::string_view) { return std::nullopt; }, [](std::string_view) { return false; }};
  }

  PickleSurroundings surroundings() const {
    const auto storage = [this](std::string_view key) -> std::optional<std::uint64_t> {
      const auto found = storages_.find(key);
      return found == storages_.end() ? std::nullopt : std::optional(found->second);
    };
    const auto has_class = [this](std::string_view module) {
      std::string name(module);
      std::replace(name.begin(), name.end(), '.', '/');
      return names_.contains(std::string(kCode) + name + std::string(kClass));
    };
    return {storage, has_class};
  }

  std::string_view read(const std::string& name) {
    const auto size = reader_.getRecordSize(name);
    INFOPLANE_CHECK(size <= unread_, IoError, "its record ", shown(name), " is larger than any checkpoint's");
    unread_ -= size;
    auto [bytes, count] = reader_.getRecord(name);
    record_ = std::move(bytes);
    return {static_cast<const char*>(record_.get()), count};
  }

  PyTorchStreamReader reader_;
  std::uint64_t unread_;  // what may still be read
  std::set<std::string> names_;
  std::map<std::string, std::uint64_t, std::less<>> storages_;
  at::DataPtr record_;  // the last one that was read
};

}  // namespace

void require_data_only(const ArchiveFile& file) {
  try {
    Archive(file).check();
  } catch (const c10::Error& error) {
    INFOPLANE_THROW(IoError, error.what_without_backtrace());
  }
}

}  // namespace infoplane::callbacks
