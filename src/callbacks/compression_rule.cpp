#include <infoplane/callbacks/early_stopping.hpp>

namespace infoplane::callbacks {

// The distance alone comes to rest for a while in the middle of runs that go on learning, and sees overfitting late or
// not at all; the loss alone jumps from one check to the next. Together they end a run, and the loss says which step to
// keep. See docs/studies/stopping.md for the runs.
EarlyStoppingOptions EarlyStopping::compression() {
  return EarlyStoppingOptions()
      .split("heldout")
      .monitor("loss")
      .patience(5)
      .min_delta(0.005)
      .min_delta_mode(DeltaMode::kRelative)
      .start_from_step(180)
      .also({Criterion()
                 .monitor("distance/unigram/corrected")
                 .patience(kEndless)
                 .min_delta(0)
                 .smoothing(3)
                 .trend(8)
                 .trend_errors(3)})
      .combine(Combine::kAll);
}

}  // namespace infoplane::callbacks
