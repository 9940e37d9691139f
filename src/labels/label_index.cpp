#include <algorithm>
#include <array>
#include <infoplane/core/error.hpp>
#include <infoplane/core/hash.hpp>
#include <infoplane/labels/label_index.hpp>
#include <iterator>
#include <set>
#include <unordered_map>
#include <utility>

#include "labels/runs.hpp"

namespace infoplane::labels {

namespace {

constexpr std::array kOrderNames{"unigram", "bigram", "trigram", "quadgram"};
constexpr int kMaxOrder = static_cast<int>(kOrderNames.size());

std::string label_name(const char* side, int order) {
  INFOPLANE_CHECK(order >= 1 && order <= kMaxOrder, ArgumentError, "there is no ", side, " label of order ", order,
                  "; orders are 1 to ", kMaxOrder);
  return std::string(side) + "_" + kOrderNames[static_cast<std::size_t>(order - 1)];
}

bool is_ngram_name(std::string_view name) {
  for (int order = 1; order <= kMaxOrder; ++order) {
    if (name == input_label_name(order) || name == output_label_name(order)) {
      return true;
    }
  }
  return false;
}

int common_margin(const LabelOptions& options) {
  int largest = 0;
  if (options.common_positions()) {
    for (const auto* orders : {&options.input_orders(), &options.output_orders()}) {
      for (const auto order : *orders) {
        largest = std::max(largest, order);
      }
    }
  }
  return largest;
}

void check_named(const std::vector<NamedLabels>& others, const IntegerView& tokens) {
  std::set<std::string_view> names;
  for (const auto& [name, values] : others) {
    INFOPLANE_CHECK(!name.empty(), ArgumentError, "a label set has an empty name; give it one");
    INFOPLANE_CHECK(!is_ngram_name(name), ArgumentError, "the label set \"", name,
                    "\" has the name of an n-gram set; give it another name");
    INFOPLANE_CHECK(names.insert(name).second, ArgumentError, "the label set \"", name,
                    "\" is given twice in one micro-batch; give each set its own name");
    check_shape(values, tokens, "the labels of \"" + name + "\"");
  }
}

/// Takes back what was inserted into tables, unless all of it was.
class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    for (const auto& [table, size] : sizes_) {
      table->truncate(size);
    }
  }

  void remember(const std::shared_ptr<KeyTable>& table) { sizes_.emplace_back(table, table->size()); }
  void forget() noexcept { sizes_.clear(); }

 private:
  std::vector<std::pair<std::shared_ptr<KeyTable>, std::int64_t>> sizes_;
};

/// Labels of one set. `values` are numbered like the runs; the window that starts at value j is the label of position
/// j + `lag`.
LabelAssignment assign(const std::string& name, std::shared_ptr<KeyTable> table, std::int64_t positions,
                       const std::int64_t* values, const std::vector<Run>& runs, int lag) {
  LabelAssignment result;
  result.name = name;
  result.rows.assign(static_cast<std::size_t>(positions), kNoRow);
  const auto width = table->width();
  for (const auto& run : runs) {
    const auto begin = std::max(run.begin, run.first - lag);
    const auto count = std::min(run.end - width + 1, run.limit - lag) - begin;
    if (count > 0) {
      table->insert_windows({values + begin, static_cast<std::size_t>(count + width - 1)},
                            {result.rows.data() + begin + lag, static_cast<std::size_t>(count)});
      result.labelled += count;
    }
  }
  result.row_count = table->size();
  result.table = std::move(table);
  return result;
}

/// The unit of independence of each position, where there are documents.
void add_units(Grouping& grouping, const TokenBatch& batch, bool span_rows) {
  INFOPLANE_CHECK(batch.documents || !span_rows, ArgumentError,
                  "LabelOptions::documents_span_rows, but a micro-batch came without documents: give their numbers "
                  "with each, as BatchDetails::documents");
  if (!batch.documents) {
    return;
  }
  const auto documents = batch.documents->dense();
  grouping.units.reserve(documents.size());
  if (span_rows) {
    std::transform(documents.begin(), documents.end(), std::back_inserter(grouping.units), unit_of_document);
    return;
  }
  const auto columns = static_cast<std::size_t>(batch.documents->columns());
  std::unordered_map<std::int64_t, std::int64_t> of_row;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (i % columns == 0) {
      of_row.clear();
    }
    const auto [unit, is_new] = of_row.try_emplace(documents[i], grouping.unit_count);
    grouping.unit_count += is_new ? 1 : 0;
    grouping.units.push_back(unit->second);
  }
}

/// Takes the labels from positions where the other set has none.
void keep_common(LabelAssignment& one, LabelAssignment& other) noexcept {
  one.labelled = other.labelled = 0;
  for (std::size_t i = 0; i < one.rows.size(); ++i) {
    if (one.rows[i] == kNoRow || other.rows[i] == kNoRow) {
      one.rows[i] = other.rows[i] = kNoRow;
    } else {
      ++one.labelled;
      ++other.labelled;
    }
  }
}

}  // namespace

std::int64_t unit_of_document(std::int64_t number) noexcept {
  return -1 - static_cast<std::int64_t>(splitmix64(static_cast<std::uint64_t>(number)) >> 1U);
}

std::string input_label_name(int order) { return label_name("input", order); }
std::string output_label_name(int order) { return label_name("output", order); }

LabelIndex::LabelIndex(LabelOptions options) : options_(std::move(options)) {
  const auto add = [&](std::string name, int order) {
    INFOPLANE_CHECK(find(name) == nullptr, ArgumentError, "the label set \"", name,
                    "\" is asked for twice; give each order once");
    sets_.push_back({std::move(name), std::make_shared<KeyTable>(order)});
  };
  for (const auto order : options_.input_orders()) {
    add(input_label_name(order), order);
  }
  for (const auto order : options_.output_orders()) {
    add(output_label_name(order), order);
  }
}

std::shared_ptr<const Grouping> LabelIndex::group(const TokenBatch& batch, const std::vector<NamedLabels>& others) {
  check_named(others, batch.tokens);
  const auto layout = lay_out(batch, common_margin(options_));

  auto grouping = std::make_shared<Grouping>();
  grouping->positions = batch.tokens.size();
  grouping->counted = layout.counted;
  grouping->row_length = batch.tokens.columns();
  add_units(*grouping, batch, options_.documents_span_rows());

  Undo undo;
  const auto add = [&](const Set& set, const std::int64_t* values, const std::vector<Run>& runs, int lag) {
    undo.remember(set.table);
    grouping->sets.push_back(assign(set.name, set.table, grouping->positions, values, runs, lag));
  };
  const auto inputs = options_.input_orders().size();
  const auto ngrams = inputs + options_.output_orders().size();
  for (std::size_t i = 0; i < ngrams; ++i) {
    if (i < inputs) {
      add(sets_[i], layout.tokens.data(), layout.inputs, sets_[i].table->width() - 1);
    } else {
      add(sets_[i], layout.following(), layout.outputs, 0);
    }
  }
  for (std::size_t input = 0; options_.same_positions() && input < inputs; ++input) {
    const int order = options_.input_orders()[input];
    const auto& outputs = options_.output_orders();
    const auto output = std::find(outputs.begin(), outputs.end(), order);
    if (output != outputs.end()) {
      keep_common(grouping->sets[input], grouping->sets[inputs + static_cast<std::size_t>(output - outputs.begin())]);
    }
  }
  std::vector<Set> new_sets;
  for (const auto& [name, view] : others) {
    const auto* set = find(name);
    if (set == nullptr) {
      new_sets.push_back({name, std::make_shared<KeyTable>(1)});
      set = &new_sets.back();
    }
    const auto values = view.dense();
    add(*set, values.data(), without_missing(layout.inputs, values), 0);
  }
  sets_.reserve(sets_.size() + new_sets.size());
  undo.forget();  // nothing below throws
  std::move(new_sets.begin(), new_sets.end(), std::back_inserter(sets_));
  return grouping;
}

std::shared_ptr<const KeyTable> LabelIndex::table(std::string_view name) const noexcept {
  const auto* set = find(name);
  return set != nullptr ? set->table : nullptr;
}

std::int64_t LabelIndex::memory_bytes() const noexcept {
  std::int64_t bytes = 0;
  for (const auto& set : sets_) {
    bytes += set.table->memory_bytes();
  }
  return bytes;
}

const LabelIndex::Set* LabelIndex::find(std::string_view name) const noexcept {
  const auto found = std::find_if(sets_.begin(), sets_.end(), [&](const Set& set) { return set.name == name; });
  return found == sets_.end() ? nullptr : &*found;
}

}  // namespace infoplane::labels
