#include "labels/runs.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

namespace infoplane::labels {

namespace {

constexpr auto index(std::int64_t position) noexcept { return static_cast<std::size_t>(position); }

std::vector<std::int64_t> dense_or_empty(const std::optional<IntegerView>& view) {
  return view ? view->dense() : std::vector<std::int64_t>();
}

/// Maximal runs of unmasked positions of one document in a row.
std::vector<Run> segments(const IntegerView& shape, const std::vector<std::int64_t>& mask,
                          const std::vector<std::int64_t>& documents, int margin) {
  std::vector<Run> runs;
  const auto close = [&](std::int64_t begin, std::int64_t end) {
    if (begin < end) {
      runs.push_back({begin, end, begin + std::max(margin - 1, 0), end - margin});
    }
  };
  for (std::int64_t row = 0; row < shape.rows(); ++row) {
    const auto row_begin = row * shape.columns();
    const auto row_end = row_begin + shape.columns();
    auto begin = row_begin;
    for (auto i = row_begin; i < row_end; ++i) {
      if (!mask.empty() && mask[index(i)] == 0) {
        close(begin, i);
        begin = i + 1;
      } else if (i > begin && !documents.empty() && documents[index(i)] != documents[index(i - 1)]) {
        close(begin, i);
        begin = i;
      }
    }
    close(begin, row_end);
  }
  return runs;
}

/// The unmasked positions must hold tokens, and targets that are tokens or missing.
void check_values(const Layout& layout, std::int64_t columns) {
  for (const auto& run : layout.inputs) {
    for (auto i = run.begin; i < run.end; ++i) {
      INFOPLANE_CHECK(layout.tokens[index(i)] >= 0, ArgumentError, "token ", layout.tokens[index(i)], " at row ",
                      i / columns, ", column ", i % columns,
                      " is negative; give token ids of 0 or above, and a mask that is 0 where there is padding");
      if (!layout.targets.empty()) {
        const auto target = layout.targets[index(i)];
        INFOPLANE_CHECK(target >= 0 || is_missing(target), ArgumentError, "target ", target, " at row ", i / columns,
                        ", column ", i % columns,
                        " is negative; give token ids of 0 or above, or -1 or -100 where there is no label");
      }
    }
  }
}

/// Where the token that follows is known: not behind the last position of a segment, except the last of a row that has
/// targets.
std::vector<Run> output_runs(const Layout& layout, std::int64_t columns) {
  auto runs = layout.inputs;
  for (auto& run : runs) {
    if (layout.targets.empty() || run.end % columns != 0) {
      --run.end;
    }
  }
  return layout.targets.empty() ? runs : without_missing(runs, layout.targets);
}

}  // namespace

void check_shape(const IntegerView& view, const IntegerView& tokens, std::string_view what) {
  INFOPLANE_CHECK(view.rows() == tokens.rows() && view.columns() == tokens.columns(), ShapeError, what, " are ",
                  view.rows(), " x ", view.columns(), " (sequences x positions), the tokens ", tokens.rows(), " x ",
                  tokens.columns(), "; give one value for each token");
}

std::vector<Run> without_missing(const std::vector<Run>& runs, const std::vector<std::int64_t>& values) {
  std::vector<Run> parts;
  for (const auto& run : runs) {
    auto begin = run.begin;
    for (auto i = run.begin; i <= run.end; ++i) {
      if (i == run.end || is_missing(values[index(i)])) {
        if (begin < i) {
          parts.push_back({begin, i, run.first, run.limit});
        }
        begin = i + 1;
      }
    }
  }
  return parts;
}

Layout lay_out(const TokenBatch& batch, int margin) {
  const auto check = [&](const std::optional<IntegerView>& view, std::string_view what) {
    if (view) {
      check_shape(*view, batch.tokens, what);
    }
  };
  check(batch.targets, "the targets");
  check(batch.mask, "the mask values");
  check(batch.documents, "the document ids");

  const auto mask = dense_or_empty(batch.mask);
  Layout layout;
  layout.tokens = batch.tokens.dense();
  layout.targets = dense_or_empty(batch.targets);
  layout.inputs = segments(batch.tokens, mask, dense_or_empty(batch.documents), margin);
  check_values(layout, batch.tokens.columns());
  layout.outputs = output_runs(layout, batch.tokens.columns());
  if (batch.mask || margin > 0) {
    layout.counted.assign(layout.tokens.size(), 0);
    for (const auto& run : layout.inputs) {
      for (auto i = run.first; i < run.limit; ++i) {
        layout.counted[index(i)] = 1;
      }
    }
  }
  return layout;
}

}  // namespace infoplane::labels
