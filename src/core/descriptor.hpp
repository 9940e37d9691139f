#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace infoplane {

/// Closes a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) noexcept : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.value_, -1));
    return *this;
  }

  int get() const noexcept { return value_; }
  explicit operator bool() const noexcept { return value_ >= 0; }
  void reset(int value = -1) noexcept {
    if (value_ >= 0) {
      const int error = errno;
      ::close(value_);
      errno = error;
    }
    value_ = value;
  }

 private:
  int value_;
};

}  // namespace infoplane
