#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/state.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

void Reservoir::save(state::Writer& out) const {
  out.put(position_);
  out.put(next_sequence_);
  out.put(sequences_);
  std::vector<std::uint64_t> priorities;
  std::vector<std::uint32_t> indices;
  for (const Entry& entry : heap_) {  // in the order of the heap, so that it stays the same heap
    priorities.push_back(entry.priority);
    indices.push_back(entry.index);
  }
  out.put_array(priorities);
  out.put_array(indices);
  out.put_array(sequence_of_);
  out.put_array(values_);
  out.put_array(std::vector<std::int64_t>(documents_.begin(), documents_.end()));
}

void Reservoir::load(state::Reader& in, bool with_documents) {
  using state::Reader;
  Reservoir loaded(anchors_, stream_);
  loaded.position_ = in.get<std::uint64_t>();
  loaded.next_sequence_ = in.get<std::int64_t>();
  loaded.sequences_ = in.get<std::int64_t>();
  const auto priorities = in.get_array<std::uint64_t>();
  const std::size_t count = priorities.size();
  Reader::require(count <= kCapacity && count <= loaded.position_ && loaded.position_ < state::kMost,
                  "the sample is larger than it can be");
  Reader::require(loaded.sequences_ >= 0 && loaded.sequences_ <= loaded.next_sequence_ &&
                      loaded.next_sequence_ < static_cast<std::int64_t>(state::kMost) &&
                      static_cast<std::uint64_t>(loaded.sequences_) <= loaded.position_,
                  "there are other sequences than there can be");
  const auto indices = in.get_array<std::uint32_t>(count, "samples have no index");
  loaded.sequence_of_ = in.get_array<std::int64_t>(count, "samples have no sequence");
  loaded.values_ =
      in.get_array<float>(count * static_cast<std::size_t>(anchors_), "samples have another number of anchors");
  if (with_documents) {
    const auto documents = in.get_array<std::int64_t>();
    Reader::require(std::all_of(documents.begin(), documents.end(), [](std::int64_t unit) { return unit < 0; }),
                    "a document is none");
    loaded.documents_.insert(documents.begin(), documents.end());
  }
  Reader::require(static_cast<std::uint64_t>(loaded.sequences()) <= loaded.position_ &&
                      (loaded.sequences() > 0 || loaded.position_ == 0),
                  "there are other sequences than there can be");
  std::vector<bool> found(count, false);
  for (std::size_t i = 0; i < count; ++i) {
    Reader::require(indices[i] < count && !found[indices[i]], "two samples are one");
    Reader::require(loaded.sequence_of_[i] < loaded.next_sequence_ &&
                        (loaded.sequence_of_[i] >= 0 || loaded.documents_.contains(loaded.sequence_of_[i])),
                    "a sample is from a sequence that was not seen");
    found[indices[i]] = true;
    loaded.heap_.push_back({priorities[i], indices[i]});
  }
  Reader::require(std::is_heap(loaded.heap_.begin(), loaded.heap_.end()), "the sample is not in order");
  Reader::require(std::all_of(loaded.values_.begin(), loaded.values_.end(),
                              [](float value) { return value >= 0 && value <= 1 + 1e-5F; }),
                  "a sample has a probability that is none");
  for (std::uint32_t index = 0; index < count; ++index) {
    const double total = std::accumulate(loaded.row(index), loaded.row(index) + anchors_, 0.0);
    Reader::require(state::agree(total, 1), "a sample is no distribution");
  }
  *this = std::move(loaded);
}

}  // namespace infoplane::estimator
