#pragma once

#include <utility>

/// Declares an option with LibTorch's builder convention (`TORCH_ARG`), without LibTorch: a setter that returns the
/// object, a const getter, and the member `name_`, to which a default is assigned right behind the macro.
///
///     struct WindowOptions {
///       INFOPLANE_ARG(int64_t, window) = 16;
///     };
///     WindowOptions().window(32);
// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define INFOPLANE_ARG(T, name)                                   \
 public:                                                         \
  auto name(T const& new_##name)&->decltype(*this) {             \
    this->name##_ = new_##name;                                  \
    return *this;                                                \
  }                                                              \
  auto name(T&& new_##name)&->decltype(*this) {                  \
    this->name##_ = std::move(new_##name);                       \
    return *this;                                                \
  }                                                              \
  auto name(T const& new_##name)&&->decltype(std::move(*this)) { \
    this->name##_ = new_##name;                                  \
    return std::move(*this);                                     \
  }                                                              \
  auto name(T&& new_##name)&&->decltype(std::move(*this)) {      \
    this->name##_ = std::move(new_##name);                       \
    return std::move(*this);                                     \
  }                                                              \
  const T& name() const noexcept { return this->name##_; }       \
                                                                 \
 private:                                                        \
  T name##_
// NOLINTEND(bugprone-macro-parentheses)

/// An option that is one of the member `part`, which has options itself: a setter that returns the object, and a const
/// getter.
#define INFOPLANE_ARG_OF(part, name)                        \
 public:                                                    \
  template <typename T>                                     \
  auto name(T&& new_##name)&->decltype(*this) {             \
    this->part.name(std::forward<T>(new_##name));           \
    return *this;                                           \
  }                                                         \
  template <typename T>                                     \
  auto name(T&& new_##name)&&->decltype(std::move(*this)) { \
    this->part.name(std::forward<T>(new_##name));           \
    return std::move(*this);                                \
  }                                                         \
  const auto& name() const noexcept { return this->part.name(); }
