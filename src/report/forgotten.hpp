#pragma once

#include <infoplane/runs/run_file.hpp>
#include <string>

// What a run forgot: the last token, the last pair, or the context.
namespace infoplane::report {

/// A value for a sentence.
std::string number(double value);

/// Whether the mean over blocks has that metric at any point.
bool has_metric(const runs::RunFile& run, const std::string& key);

/// What complexity of that order is about. Where the run knows the context, too, the two are told apart.
std::string read_of(const runs::RunFile& run, const std::string& order);

/// What was forgotten and what was not: the token, the pair, …, the context. Empty where the run has no context.
std::string forgotten_sentence(const runs::RunFile& run);

}  // namespace infoplane::report
