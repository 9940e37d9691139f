#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace infoplane::state {
class Reader;
class Writer;
}  // namespace infoplane::state

namespace infoplane::estimator {

/// A uniform sample of the soft assignments of a stream: those with the lowest priorities, which are hashes of a
/// token's position in the stream. So the sample depends on the stream alone, not on its batches, and the lowest of two
/// samples are a sample of both streams.
class Reservoir {
 public:
  static constexpr std::uint32_t kCapacity = 4096;
  static constexpr std::uint32_t kNone = 0xffffffffU;

  /// A row of a batch that may enter; `index` is where it lies, once it was added (kNone: it did not enter).
  struct Pick {
    std::uint64_t priority;
    std::uint32_t row;
    std::uint32_t index;
  };

  Reservoir(std::int64_t anchors, std::uint64_t stream) : anchors_(anchors), stream_(stream) {}

  std::int64_t anchors() const noexcept { return anchors_; }
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(heap_.size()); }
  const float* row(std::uint32_t index) const noexcept {
    return values_.data() + static_cast<std::size_t>(index) * static_cast<std::size_t>(anchors_);
  }
  /// Number of the sequence that the row comes from, or of its unit where it is of a document; below 0: of a document
  /// that others may go on with.
  std::int64_t sequence(std::uint32_t index) const noexcept { return sequence_of_[index]; }
  /// Sequences, or documents, of the stream that gave a row.
  std::int64_t sequences() const noexcept { return sequences_ + static_cast<std::int64_t>(documents_.size()); }
  /// Those that others may go on with.
  const std::set<std::int64_t>& documents() const noexcept { return documents_; }
  /// The number that the next sequence gets: those that give no row have one too, so that ranks with other parts of the
  /// same sequences agree.
  std::int64_t next_sequence() const noexcept { return next_sequence_; }
  /// Indices by priority: a random order of the sample, the same however it came together.
  std::vector<std::uint32_t> order() const;

  /// The units of a batch's rows, in the place of sequences.
  struct Units {
    std::span<const std::int64_t> of_row;  ///< as of a grouping; empty: sequences are the units
    std::int64_t count = 0;                ///< numbers that are used up
    std::int64_t with_rows = 0;            ///< of these, units that gave a row
    std::set<std::int64_t> documents;      ///< below 0 that gave one
  };
  static Units units_of(std::span<const std::int64_t> of_row, std::int64_t count, std::span<const std::uint8_t> used);

  /// Rows of a batch that may enter, in order, after making room for them; changes nothing.
  std::vector<Pick> plan(std::span<const std::uint8_t> used);
  /// Adds a batch [rows, m] of sequences of `length` rows. Without probabilities, `fill` must bring the rows of all
  /// picks that entered before any is read.
  void add(std::vector<Pick>& picks, std::span<const std::uint8_t> used, const float* probabilities,
           std::int64_t length, Units&& units) noexcept;

  void fill(std::span<const std::uint32_t> indices, const float* rows) noexcept;

  /// A row of a sample by its priority.
  struct Entry {
    std::uint64_t priority;
    std::uint32_t index;
    bool operator<(const Entry& other) const noexcept { return priority < other.priority; }
  };
  /// Rows that the stream gave so far.
  std::uint64_t position() const noexcept { return position_; }
  /// Rows that can be in a sample of `rows` rows from all streams, the lowest priority first: few more of all streams
  /// than a sample takes.
  std::vector<Entry> candidates(std::uint64_t rows) const;
  /// A row from anywhere.
  struct Row {
    std::uint64_t priority;
    std::int64_t sequence;
    const float* values;
  };
  /// What a sample was drawn from: `position` rows, and the sequences that they came from.
  struct Drawn {
    std::uint64_t position = 0;
    std::int64_t next_sequence = 0;
    std::int64_t sequences = 0;
    std::set<std::int64_t> documents = {};
  };
  Drawn drawn() const { return {position_, next_sequence_, sequences_, documents_}; }
  std::uint64_t stream() const noexcept { return stream_; }
  /// The sample that these rows are.
  static Reservoir of(std::int64_t anchors, std::uint64_t stream, std::span<const Row> rows, const Drawn& from);

  void reset() noexcept;
  /// The same, with its memory.
  void clear() noexcept;
  void save(state::Writer& out) const;
  /// `with_documents`: older versions have none. @throws IoError, and changes nothing, if what was saved cannot be a
  /// sample.
  void load(state::Reader& in, bool with_documents);
  std::int64_t memory_bytes() const noexcept;

 private:
  std::int64_t anchors_;
  std::uint64_t stream_;
  std::uint64_t position_ = 0;  // used rows so far
  std::int64_t next_sequence_ = 0;
  std::int64_t sequences_ = 0;
  std::set<std::int64_t> documents_;
  std::vector<Entry> heap_;  // the highest priority first
  std::vector<float> values_;
  std::vector<std::int64_t> sequence_of_;
};

}  // namespace infoplane::estimator
