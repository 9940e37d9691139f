#pragma once

#include <exception>
#include <functional>
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
  /// How the time of an observation ended.
  enum class End {
    kNormally,
    kThrew,
    kDiscarded,
    kFailed,  ///< an error of the capture
  };
  /// Told once; may throw.
  using Closed = std::function<void(End)>;

  Impl(hooks::Scope scope, Closed closed, std::shared_ptr<PendingError> pending) noexcept
      : scope_(std::move(scope)), closed_(std::move(closed)), pending_(std::move(pending)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { finish(End::kNormally); }

  bool is_open() const noexcept { return closed_ != nullptr; }

  void finish(End end) noexcept {
    if (!closed_) {
      return;
    }
    const auto closed = std::exchange(closed_, nullptr);
    try {
      scope_.finish();
      closed(end == End::kNormally && threw() ? End::kThrew : end);
    } catch (...) {
      pending_->keep(std::current_exception());
      try {
        closed(End::kFailed);
      } catch (...) {
        pending_->keep(std::current_exception());
      }
    }
  }

 private:
  /// An exception leaves the scope, or its handler ends it.
  bool threw() const noexcept {
    return std::uncaught_exceptions() > uncaught_ || (!in_handler_ && std::current_exception() != nullptr);
  }

  int uncaught_ = std::uncaught_exceptions();
  bool in_handler_ = std::current_exception() != nullptr;
  hooks::Scope scope_;
  Closed closed_;
  std::shared_ptr<PendingError> pending_;
};

}  // namespace infoplane
