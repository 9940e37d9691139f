#include <algorithm>
#include <infoplane/core/error.hpp>

#include "core/state.hpp"
#include "estimator/ranks/estimation_over_ranks.hpp"

// What ranks tell each other of their layers.
namespace infoplane::estimator {

std::string EstimationOverRanks::introduction(const std::vector<NamedAccumulator>& mine, std::int64_t group) {
  state::Writer out;
  out.put_text("");
  out.put(group);
  out.put(static_cast<std::uint32_t>(mine.size()));
  const std::set<std::int64_t>* before = nullptr;  // documents of the layer before
  for (const auto& [name, accumulator] : mine) {
    INFOPLANE_CHECK(accumulator != nullptr, ArgumentError, "the accumulator of layer \"", name, "\" is a null pointer");
    accumulator->impl_->move_to_host();
    const SoftEntropyAccumulator::Impl& impl = *accumulator->impl_;
    out.put_text(name);
    impl.measure().put(out);
    out.put(static_cast<std::uint8_t>(impl.options.label_weights()));
    impl.row_totals.put_kind(out);
    out.put(impl.tokens);
    out.put(impl.rejected);
    out.put(impl.reservoir.position());
    out.put(impl.reservoir.next_sequence());
    out.put(impl.reservoir.drawn().sequences);
    const auto& documents = impl.reservoir.documents();
    const bool same = before != nullptr && *before == documents;  // as nearly all layers have it
    out.put(static_cast<std::uint8_t>(same ? 1 : 0));
    if (!same) {
      out.put_array(std::vector<std::int64_t>(documents.begin(), documents.end()));
    }
    before = &documents;
    out.put(accumulator->memory_bytes());
    out.put(static_cast<std::uint32_t>(impl.sets.size()));
    for (const auto& set : impl.sets) {
      out.put_text(set->name());
      out.put(static_cast<std::uint8_t>(set->slots().key_width()));
      out.put(static_cast<std::uint8_t>(set->slots().level()));
    }
    out.put(static_cast<std::uint32_t>(impl.pairs.size()));
    for (const auto& pair : impl.pairs) {
      out.put_text(pair->input());
      out.put_text(pair->output());
    }
  }
  return out.take();
}

void EstimationOverRanks::introduce(const std::vector<NamedAccumulator>& mine, std::int64_t group) {
  std::string own;
  try {
    own = introduction(mine, group);
  } catch (const std::exception& error) {
    state::Writer out;
    out.put_text(error.what());
    own = out.take();
  }
  const std::vector<std::string> all = ranks_.all_gather(std::move(own));
  std::vector<state::Reader> readers(all.begin(), all.end());
  std::vector<std::string> errors;
  for (std::size_t rank = 0; rank < readers.size(); ++rank) {
    const std::string error = readers[rank].get_text();
    if (!error.empty()) {
      errors.push_back(detail::concat("rank ", rank, ": ", error));
    }
  }
  INFOPLANE_CHECK(errors.empty(), StateError, "the sums of ranks cannot be added: ", detail::join(errors, "; "));
  for (int rank = 0; rank < ranks_.size(); ++rank) {
    state::Reader& in = readers[static_cast<std::size_t>(rank)];
    const auto its_group = in.get<std::int64_t>();
    documents_.clear();
    for (auto layers = in.get<std::uint32_t>(); layers > 0; --layers) {
      add_layer(rank, its_group, in);
    }
    in.end();
  }
  for (const auto& named : mine) {
    std::find_if(layers_.begin(), layers_.end(), [&](const Layer& layer) { return layer.name == named.name; })->own =
        named.accumulator->impl_.get();
  }
}

void EstimationOverRanks::add_layer(int rank, std::int64_t group, state::Reader& in) {
  const std::string name = in.get_text();
  const Measure measure = Measure::get(in);
  const auto weights = static_cast<LabelWeights>(in.get<std::uint8_t>());
  RowTotals rows = RowTotals::of_kind(measure.d, in);
  auto layer = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& known) { return known.name == name; });
  const bool known = layer != layers_.end();
  if (!known) {
    layer = layers_.emplace(layers_.end());
    layer->name = name;
    layer->from = rank;
    layer->measure = measure;
    layer->weights = weights;
    layer->sum.assign(static_cast<std::size_t>(measure.m), 0.0);
    layer->rows = rows;
  }
  layer->group_of.resize(static_cast<std::size_t>(ranks_.size()), kNowhere);
  layer->group_of[static_cast<std::size_t>(rank)] = group;
  Differences differences;
  compare(differences, layer->measure, measure);
  differences.compare("label weights", static_cast<int>(layer->weights), static_cast<int>(weights));
  compare(differences, *layer->rows, rows);
  layer->tokens += in.get<std::int64_t>();
  layer->rejected += in.get<std::int64_t>();
  layer->drawn.position += in.get<std::uint64_t>();
  Layer::Sequences& sequences = layer->sequences[group];
  sequences.numbers = std::max(sequences.numbers, in.get<std::int64_t>());
  sequences.with_rows = std::max(sequences.with_rows, in.get<std::int64_t>());
  if (!in.get_flag()) {
    documents_ = in.get_array<std::int64_t>();
  }
  layer->drawn.documents.insert(documents_.begin(), documents_.end());
  layer->bytes = std::max(layer->bytes, in.get<std::int64_t>());
  for (auto sets = in.get<std::uint32_t>(); sets > 0; --sets) {
    Set set{in.get_text(), in.get<std::uint8_t>(), in.get<std::uint8_t>()};
    const auto same =
        std::find_if(layer->sets.begin(), layer->sets.end(), [&](const Set& each) { return each.name == set.name; });
    if (same == layer->sets.end()) {
      layer->sets.push_back(std::move(set));
      continue;
    }
    differences.compare("key width of " + set.name, same->key_width, set.key_width);
    same->level = std::max(same->level, set.level);
  }
  for (auto pairs = in.get<std::uint32_t>(); pairs > 0; --pairs) {
    std::pair<std::string, std::string> pair{in.get_text(), in.get_text()};
    if (std::find(layer->pairs.begin(), layer->pairs.end(), pair) == layer->pairs.end()) {
      layer->pairs.push_back(std::move(pair));
    }
  }
  INFOPLANE_CHECK(differences.text().empty(), ArgumentError, "\"", name, "\" of ranks ", layer->from, " and ", rank,
                  " cannot be added, which differ in: ", differences.text());
}

}  // namespace infoplane::estimator
