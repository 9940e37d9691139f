#include "report/glossary.hpp"

#include <algorithm>

#include "report/words.hpp"
#include "runs/series.hpp"

namespace infoplane::report {
namespace {

constexpr const char* kOfTokens =
    "<details class=\"card\"><summary>New to this? How to read the page</summary><dl>"
    "<dt>Complexity</dt><dd>I(X;Z): how much a layer's activations Z tell about the tokens X that the model has read. "
    "0 is nothing, 1 as much as the measure can hold.</dd>"
    "<dt>Expressivity</dt><dd>I(Y;Z): how much they tell about the tokens Y that come next.</dd>"
    "<dt>Optimality</dt><dd>Expressivity / complexity. 1 is the Information Bottleneck bound of what knows the tokens "
    "X "
    "alone: nothing is kept that does not help to predict. A layer can pass it, because it has read the text before X, "
    "too.</dd>"
    "<dt>Distance</dt><dd>1 − optimality: how far a layer is from the bound; negative beyond it.</dd>"
    "<dt>Plug-in</dt><dd>A value before its correction: labels that are seen only a few times raise it. Shown, and "
    "called so, only where a file has no corrected values.</dd>"
    "<dt>Information plane</dt><dd>Complexity to the right, expressivity upwards. A path shows where a layer went "
    "while "
    "the model trained. Towards the line “bound” is better; to the left is compression.</dd>"
    "<dt>Context</dt><dd>I(X;Z) where X is all that was read: each position is a value of its own. It is the most that "
    "a layer knows about anything, so a share of it lies between 0 and 1.</dd>"
    "<dt>Through the input</dt><dd>What a layer would know about what comes next by the last tokens alone. It cannot "
    "exceed the IB curve; the rest of expressivity comes from the context.</dd>"
    "<dt>IB curve</dt><dd>The most that can be known about the next tokens by keeping so much of the last ones, "
    "computed from the text alone. Layers may lie above it, because they see more of the text than the last "
    "tokens.</dd>"
    "<dt>Expansion, compression</dt><dd>Stretches in which complexity rises, or falls, by more than its noise.</dd>"
    "<dt>Best, stop</dt><dd>The step nearest to the bound (by the stopping rule, where one was followed), and the step "
    "where that rule ends the training.</dd>"
    "<dt>Held-out and train</dt><dd>Held-out text is the same at every step and was not trained on; train is what the "
    "model was just learning from.</dd>"
    "<dt>Unigram, bigram …</dt><dd>Whether X and Y are one token, two, and so on.</dd>"
    "<dt>Bands</dt><dd>± 2 standard errors, where the run has them.</dd></dl></details>";

constexpr const char* kOfSets =
    "<details class=\"card\"><summary>New to this? How to read the page</summary><dl>"
    "<dt>Context</dt><dd>I(X;Z) where X is all that was read: how much a layer's activations Z tell one position from "
    "another. 0 is nothing, 1 as much as the measure can hold. It is the most that a layer knows about anything.</dd>"
    "<dt>Expressivity</dt><dd>I(Y;Z): how much they tell about what comes out, such as a class.</dd>"
    "<dt>Share</dt><dd>Expressivity / context, between 0 and 1. At 1 nothing is kept that says nothing about Y.</dd>"
    "<dt>Distance</dt><dd>1 − share: how far a layer is from that bound.</dd>"
    "<dt>Plug-in</dt><dd>A value before its correction: labels that are seen only a few times raise it. Shown, and "
    "called so, only where a file has no corrected values.</dd>"
    "<dt>Information plane</dt><dd>Context to the right, expressivity upwards. A path shows where a layer went while "
    "the model trained. No path crosses the line “bound”; to the left is compression.</dd>"
    "<dt>Expansion, compression</dt><dd>Stretches in which the context's information rises, or falls, by more than its "
    "noise.</dd>"
    "<dt>Best, stop</dt><dd>The step nearest to the bound (by the stopping rule, where one was followed), and the step "
    "where that rule ends the training.</dd>"
    "<dt>Held-out and train</dt><dd>Held-out data are the same at every step and were not trained on; train is what "
    "the model was just learning from.</dd>"
    "<dt>Bands</dt><dd>± 2 standard errors, where the run has them.</dd></dl></details>";

}  // namespace

std::string glossary(const std::vector<ReportRun>& runs) {
  const bool have_tokens = std::any_of(runs.begin(), runs.end(), [](const ReportRun& run) {
    return Words(runs::order_of(run.file.points, "unigram")).is_text;
  });
  return have_tokens ? kOfTokens : kOfSets;
}

}  // namespace infoplane::report
