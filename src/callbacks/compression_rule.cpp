#include <infoplane/callbacks/early_stopping.hpp>

namespace infoplane::callbacks {

// The distance is what ends a run that has compressed as far as it will. The guard is for overfitting that the distance
// cannot see: there complexity goes on falling, and expressivity falls with it, but slower. See docs/stopping.md.
EarlyStoppingOptions EarlyStopping::compression() {
  return EarlyStoppingOptions()
      .stream("heldout")
      .monitor("distance/unigram/corrected")
      .patience(5)
      .min_delta(2e-3)
      .start_from_step(180)
      .also({Criterion()
                 .monitor("I(Y;Z)/output_unigram/corrected")
                 .mode(Mode::kMax)
                 .patience(kEndless)
                 .min_delta(0)
                 .min_delta_mode(DeltaMode::kRelative)
                 .worsening(0.1)
                 .smoothing(3)})
      .combine(Combine::kAny);
}

}  // namespace infoplane::callbacks
