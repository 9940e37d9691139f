#include <infoplane/callbacks/early_stopping.hpp>

namespace infoplane::callbacks {

EarlyStoppingOptions EarlyStopping::compression() {
  return EarlyStoppingOptions()
      .stream("heldout")
      .monitor("distance/unigram/corrected")
      .patience(5)
      .min_delta(2e-3)
      .start_from_step(200)
      .also({Criterion()
                 .monitor("I(Y;Z)/output_unigram/corrected")
                 .mode(Mode::kMax)
                 .patience(std::nullopt)
                 .min_delta(0)
                 .min_delta_mode(DeltaMode::kRelative)
                 .worsening(0.1)})
      .combine(Combine::kAny);
}

}  // namespace infoplane::callbacks
