#pragma once

#include <exception>
#include <infoplane/hooks/scope.hpp>
#include <infoplane/monitor/observation.hpp>
#include <memory>
#include <utility>

namespace infoplane {

/// The first error of a step, kept until `end_step` can throw it.
struct PendingError {
  std::exception_ptr error;

  void keep(std::exception_ptr new_error) noexcept {
    if (!error) {
      error = std::move(new_error);
    }
  }
};

class Observation::Impl {
 public:
  Impl(hooks::Scope scope, std::shared_ptr<PendingError> pending) noexcept
      : scope_(std::move(scope)), pending_(std::move(pending)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { finish(); }

  bool is_open() const noexcept { return scope_.is_open(); }

  void finish() noexcept {
    try {
      scope_.finish();
    } catch (...) {
      pending_->keep(std::current_exception());
    }
  }

 private:
  hooks::Scope scope_;
  std::shared_ptr<PendingError> pending_;
};

}  // namespace infoplane
