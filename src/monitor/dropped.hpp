#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace infoplane {

namespace state {
class Reader;
class Writer;
}  // namespace state

/// What was observed and is in no point, until the next point of the split has said so. Nothing allocates or fails
/// but text().
class Dropped {
 public:
  enum class Cause : std::uint8_t {
    kThrew,          ///< an exception left the observation
    kEndedEarly,     ///< the forward ended before its last site
    kDiscarded,      ///< discard()
    kOutsideWindow,  ///< of another logged step, whose point was never taken
    kWentBack,       ///< of later steps than the next one observed
    kFailed,         ///< an error ended the window
    kRescanned,      ///< rescan()
  };
  static constexpr std::size_t kCauses = 7;

  /// Micro-batches that are dropped together.
  struct Tally {
    std::int64_t micro_batches = 0;
    std::int64_t tokens = 0;
    std::int64_t first_step = 0;
    std::int64_t last_step = 0;

    void add(const Tally& other) noexcept;
  };

  void add(Cause cause, const Tally& tally) noexcept {
    if (tally.tokens > 0) {
      tallies_[static_cast<std::size_t>(cause)].add(tally);
    }
  }
  void forget(Cause cause) noexcept { tallies_[static_cast<std::size_t>(cause)] = {}; }
  void clear() noexcept { tallies_ = {}; }
  bool empty() const noexcept;

  /// "not counted: 96 tokens of step 0 (2 micro-batches), which …; …"; empty where nothing was dropped.
  std::string text() const;

  void save(state::Writer& out) const;
  /// @throws IoError if what was saved cannot be.
  void load(state::Reader& in);

 private:
  std::array<Tally, kCauses> tallies_ = {};
};

}  // namespace infoplane
