#pragma once

#include <infoplane/report/plane_table.hpp>
#include <infoplane/runs/run_file.hpp>
#include <string>

namespace infoplane::report {

/// What the paper's ratio is made of, as text: a row a step of the run's main split; loss, what the layers keep about
/// the last tokens and about the next ones with the paper's ratio of the two, what they keep of the whole context with
/// the share of it that is about the next tokens, what they know of those through the last ones alone as a part of
/// complexity, what the model predicts where the run says, and efficiency where it has a curve. Means over the blocks,
/// ± a standard error where there is one; "-" where a run has no such value, or it is undefined.
/// @throws ArgumentError as plane_table does.
std::string bounds_table(const runs::RunFile& run, const PlaneTableOptions& options = {});

}  // namespace infoplane::report
