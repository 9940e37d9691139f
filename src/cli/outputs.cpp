#include "cli/outputs.hpp"

#include <unistd.h>

#include <infoplane/core/error.hpp>
#include <infoplane/core/write_file.hpp>
#include <iostream>

#include "core/output_target.hpp"

namespace infoplane::cli {
namespace {

constexpr const char* kStandardOutput = "/dev/stdout";

bool prints(const Context& context) { return &context.out == &std::cout; }

}  // namespace

std::string as_output(const Context& context, const std::string& path) {
  const auto target = find_target(path);
  const bool printed = target.kind == OutputTarget::Kind::kDescriptor && target.descriptor == STDOUT_FILENO;
  return printed && prints(context) ? "-" : path;
}

void require_apart(const Context& context, const Output& output, const std::vector<std::string>& inputs) {
  const bool file = !output.path.empty() && output.path != "-";
  if (const auto input = file ? written_over(output.path, inputs) : std::nullopt) {
    INFOPLANE_THROW(ArgumentError, "the ", output.what, " would be written over the ", output.input, " ", *input,
                    ": give another --output");
  }
  require_apart(context, inputs);
  INFOPLANE_CHECK(!file || !prints(context) || !written_over(output.path, {kStandardOutput}), ArgumentError, "the ",
                  output.what, " and the standard output would both be written to ", output.path,
                  ": give another --output");
}

void require_apart(const Context& context, const std::vector<std::string>& inputs) {
  if (const auto input = prints(context) ? written_over(kStandardOutput, inputs) : std::nullopt) {
    INFOPLANE_THROW(ArgumentError, "the standard output would be written into the input ", *input,
                    ": send it to another file");
  }
}

}  // namespace infoplane::cli
