#include <infoplane/callbacks/early_stopping.hpp>

namespace infoplane::callbacks {

// The distance alone comes to rest for a while in the middle of runs that go on learning, the loss alone says nothing
// of the representation: both together end a run when neither has a trend left. See docs/stopping.md for the runs.
EarlyStoppingOptions EarlyStopping::compression() {
  constexpr std::int64_t kChecks = 10;
  constexpr double kErrors = 3;
  return EarlyStoppingOptions()
      .stream("heldout")
      .monitor("distance/unigram")
      .patience(kEndless)
      .min_delta(0)
      .smoothing(3)
      .trend(kChecks)
      .trend_errors(kErrors)
      .start_from_step(180)
      .also({Criterion().monitor("loss").patience(kEndless).min_delta(0).trend(kChecks).trend_errors(kErrors)})
      .combine(Combine::kAll);
}

}  // namespace infoplane::callbacks
