#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace infoplane::hooks {

namespace detail {
/// What a handle needs of the list that it points into.
class Removable {
 public:
  Removable() = default;
  Removable(const Removable&) = delete;
  Removable& operator=(const Removable&) = delete;
  virtual ~Removable() = default;
  virtual void remove(std::uint64_t id) = 0;
};
}  // namespace detail

/// Removes one hook, as `torch.utils.hooks.RemovableHandle` does. Its destruction removes nothing; it may outlive the
/// module.
class HookHandle {
 public:
  HookHandle() = default;
  /// Of a hook in a list; without one it removes nothing.
  HookHandle(std::weak_ptr<detail::Removable> list, std::uint64_t id) : list_(std::move(list)), id_(id) {}

  /// Takes the hook away; again, or after the module is gone, it does nothing. A forward that is running still calls
  /// it.
  void remove() {
    if (const auto list = list_.lock()) {
      list->remove(id_);
    }
    list_.reset();
  }

 private:
  std::weak_ptr<detail::Removable> list_;
  std::uint64_t id_ = 0;
};

namespace detail {

/// Functions in the order in which they are called. A call works on a snapshot, so hooks may be added and removed in a
/// hook; snapshots share the functions, and with them their state. A copy of the list is empty: hooks belong to the
/// module that they were registered on.
template <typename Function>
class HookList {
 public:
  struct Entry {
    std::uint64_t id;
    std::shared_ptr<Function> function;
  };
  using Entries = std::vector<Entry>;

  HookList() = default;
  HookList(const HookList& /*other*/) noexcept {}
  HookList(HookList&&) noexcept = default;
  HookList& operator=(const HookList& /*other*/) noexcept { return *this; }
  HookList& operator=(HookList&&) noexcept = default;
  ~HookList() = default;

  bool empty() const noexcept { return !state_ || state_->entries->empty(); }

  HookHandle add(Function function, bool prepend) {
    if (!state_) {
      state_ = std::make_shared<State>();
    }
    auto entries = std::make_shared<Entries>(*state_->entries);
    const auto id = ++state_->last_id;
    entries->insert(prepend ? entries->begin() : entries->end(),
                    Entry{id, std::make_shared<Function>(std::move(function))});
    state_->entries = std::move(entries);
    return {state_, id};
  }

  std::shared_ptr<const Entries> snapshot() const { return state_ ? state_->entries : std::make_shared<Entries>(); }

 private:
  struct State : Removable {
    std::shared_ptr<const Entries> entries = std::make_shared<Entries>();
    std::uint64_t last_id = 0;

    void remove(std::uint64_t id) override {
      auto rest = std::make_shared<Entries>(*entries);
      std::erase_if(*rest, [id](const Entry& entry) { return entry.id == id; });
      entries = std::move(rest);
    }
  };

  std::shared_ptr<State> state_;
};

}  // namespace detail
}  // namespace infoplane::hooks
