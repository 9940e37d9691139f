#include <infoplane/monitor/observation.hpp>
#include <utility>

#include "monitor/observation_impl.hpp"

namespace infoplane {

Observation::Observation() noexcept = default;
Observation::Observation(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Observation::Observation(Observation&& other) noexcept = default;

Observation& Observation::operator=(Observation&& other) noexcept {
  if (this != &other) {
    finish();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Observation::~Observation() { finish(); }

Observation::operator bool() const noexcept { return impl_ && impl_->is_open(); }

void Observation::finish() noexcept {
  if (impl_) {
    impl_->finish(Impl::End::kNormally);
    impl_.reset();
  }
}

void Observation::discard() noexcept {
  if (impl_) {
    impl_->finish(Impl::End::kDiscarded);
    impl_.reset();
  }
}

}  // namespace infoplane
