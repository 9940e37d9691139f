#pragma once

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace infoplane {

/// While it lives, a write of this thread to a closed pipe or socket or beyond a file size limit is an error and no
/// signal, which would end the training. Handlers and other threads are left alone (but those that it starts, for
/// good), and so are signals that came before.
class NoSignals {
 public:
  NoSignals() noexcept {
    sigset_t pending;
    sigemptyset(&mine_);
    sigpending(&pending);
    for (const int each : {SIGPIPE, SIGXFSZ}) {
      if (sigismember(&pending, each) == 0) {
        sigaddset(&mine_, each);
      }
    }
    pthread_sigmask(SIG_BLOCK, &mine_, &before_);
  }

  ~NoSignals() {
    const auto error = errno;
    const timespec now{};
    while (sigtimedwait(&mine_, nullptr, &now) > 0 || errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t mine_, before_;
};

}  // namespace infoplane
