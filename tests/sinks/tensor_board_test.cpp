#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/tensor_board_sink.hpp>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "needs.hpp"
#include "report/command.hpp"
#include "runs/samples.hpp"
#include "sinks/crc32c.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::TensorBoardSink;
using infoplane::TensorBoardSinkOptions;
using samples::point;

namespace {

/// A reader by the format's description: frames with their checksums, then protocol buffers.
struct Event {
  double wall_time = 0;
  std::uint64_t step = 0;
  std::string version;
  std::map<std::string, float> scalars;
};

class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}
  bool next() {
    if (rest_.empty()) {
      return false;
    }
    const auto key = varint();
    field = key >> 3U;
    wire = key & 7U;
    const auto size = wire == 2 ? varint() : wire == 1 ? 8 : 4;
    if (wire == 0) {
      number = varint();
      return true;
    }
    REQUIRE(size <= rest_.size());
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  std::uint64_t field = 0, wire = 0, number = 0;
  std::string_view bytes;

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      REQUIRE_FALSE(rest_.empty());
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
  }
  std::string_view rest_;
};

template <typename Number>
Number number_of(std::string_view bytes) {
  Number value{};
  REQUIRE(bytes.size() >= sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::vector<Event> events_of(const std::string& path) {
  const auto text = samples::read(path);
  std::vector<Event> events;
  for (std::string_view rest = text; !rest.empty();) {
    const auto size = number_of<std::uint64_t>(rest);
    REQUIRE(number_of<std::uint32_t>(rest.substr(8)) == infoplane::sinks::masked_crc32c(rest.substr(0, 8)));
    REQUIRE(rest.size() >= 16 + size);
    const auto data = rest.substr(12, size);
    REQUIRE(number_of<std::uint32_t>(rest.substr(12 + size)) == infoplane::sinks::masked_crc32c(data));
    rest.remove_prefix(16 + size);
    auto& event = events.emplace_back();
    for (Fields fields(data); fields.next();) {
      if (fields.field == 1) {
        event.wall_time = number_of<double>(fields.bytes);
      } else if (fields.field == 2) {
        event.step = fields.number;
      } else if (fields.field == 3) {
        event.version = fields.bytes;
      }
      if (fields.field != 5) {
        continue;
      }
      for (Fields values(fields.bytes); values.next();) {
        std::string tag;
        for (Fields value(values.bytes); value.next();) {
          if (value.field == 1) {
            tag = value.bytes;
          } else {
            event.scalars[tag] = number_of<float>(value.bytes);
          }
        }
      }
    }
  }
  return events;
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    files.push_back(each.path().string());
  }
  return files;
}

constexpr const char* kReader = R"(
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
runs = {}
for stream in sys.argv[2:]:
    events = EventAccumulator(sys.argv[1] + "/" + stream, size_guidance={"scalars": 0})
    events.Reload()
    runs[stream] = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
print(json.dumps(runs))
)";

}  // namespace

TEST_CASE("CRC-32C gives the values of RFC 3720", "[sinks]") {
  REQUIRE(infoplane::sinks::crc32c("123456789") == 0xe3069283U);
  REQUIRE(infoplane::sinks::crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  REQUIRE(infoplane::sinks::crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
  REQUIRE(infoplane::sinks::crc32c("") == 0);
  REQUIRE(infoplane::sinks::masked_crc32c("") == 0xa282ead8U);
}

TEST_CASE("an event file holds a version and then the scalars of each point", "[sinks]") {
  const samples::Folder folder;
  {
    auto sink = opened<TensorBoardSink>(folder.file("tb"));
    sink.write(samples::header());
    sink.write(point(0));
    auto next = point(300, "train", 0.5);
    next.loss = std::numeric_limits<double>::quiet_NaN();
    sink.write(next);
    sink.write(point(300, "heldout"));
    sink.write(point(0, "../odd name"));
    REQUIRE(sink.failures() == 0);
  }
  const auto files = files_in(folder.file("tb/train"));
  REQUIRE(files.size() == 1);
  REQUIRE_THAT(files[0], ContainsSubstring("/events.out.tfevents."));
  const auto events = events_of(files[0]);
  REQUIRE(events.size() == 3);
  REQUIRE(events[0].version == "brain.Event:2");
  REQUIRE(events[0].wall_time > 1.7e9);
  REQUIRE(events[1].step == 0);
  REQUIRE(events[1].scalars.size() == 1 + 3 * 5);
  REQUIRE(events[1].scalars.at("loss") == 2.0431F);
  REQUIRE(events[2].step == 300);
  REQUIRE(std::isnan(events[2].scalars.at("loss")));
  REQUIRE(events[2].scalars.at("mean/I(X;Z)/input_unigram") == 0.5F);
  REQUIRE(events[2].scalars.at("blocks.0/optimality/unigram") == 0.2F);
  REQUIRE(files_in(folder.file("tb/heldout")).size() == 1);
  REQUIRE(files_in(folder.file("tb/_._odd_name")).size() == 1);
}

TEST_CASE("tags are UTF-8 whatever a layer is called, as readers of event files demand it", "[sinks]") {
  const samples::Folder folder;
  {
    auto sink = opened<TensorBoardSink>(folder.file("tb"));
    sink.write(samples::header());
    auto made = point(0);
    made.layers = {{"слой.0", 1, 0, {{"H(Z)", 0.5}}}, {"cut\xD1", 1, 0, {{"H(Z)", 0.25}}}};
    sink.write(made);
  }
  const auto scalars = events_of(files_in(folder.file("tb/train")).at(0)).at(1).scalars;
  REQUIRE(scalars.at("слой.0/H(Z)") == 0.5F);
  REQUIRE(scalars.at("cut\xEF\xBF\xBD/H(Z)") == 0.25F);
}

TEST_CASE("layers can be left out, and a second start writes a file of its own", "[sinks]") {
  const samples::Folder folder;
  for (int start = 0; start < 2; ++start) {
    auto sink = opened<TensorBoardSink>(folder.file("tb"), TensorBoardSinkOptions().layers(false));
    sink.write(samples::header());
    sink.write(point(0));
  }
  const auto files = files_in(folder.file("tb/train"));
  REQUIRE(files.size() == 2);
  for (const auto& file : files) {
    REQUIRE(events_of(file).at(1).scalars.size() == 6);
  }
  samples::write(folder.file("a file"), "");
  REQUIRE_THROWS_MATCHES(opened<TensorBoardSink>(folder.file("a file/tb")), infoplane::IoError,
                         MessageMatches(ContainsSubstring("cannot make the folder " + folder.file("a file/tb"))));
}

TEST_CASE("the package tensorboard reads what the sink wrote", "[sinks][needs:tensorboard]") {
  const std::string python = std::string("PYTHONPATH=") + INFOPLANE_TEST_TENSORBOARD + " python3 ";
  infoplane::test::needs("tensorboard", std::system((python + "-c 'import tensorboard' 2>/dev/null").c_str()) == 0,
                         "python3 has no package tensorboard; pip install tensorboard, or configure with "
                         "-DINFOPLANE_PROVISION=ON");
  const samples::Folder folder;
  {
    auto sink = opened<TensorBoardSink>(folder.file("tb"));
    sink.write(samples::header());
    for (int i = 0; i < 20; ++i) {
      sink.write(point(50L * i, "train", 0.2 + 0.01 * i));
      sink.write(point(50L * i, "heldout"));
    }
  }
  samples::write(folder.file("read.py"), kReader);
  const auto json = nlohmann::json::parse(
      command::output(python + folder.file("read.py") + " " + folder.file("tb") + " train heldout 2>/dev/null"));
  REQUIRE(json["train"].size() == 16);
  const auto& complexity = json["train"]["mean/I(X;Z)/input_unigram"];
  REQUIRE(complexity.size() == 20);
  REQUIRE(complexity[19][0] == 950);
  REQUIRE(std::abs(complexity[19][1].get<double>() - 0.39) < 1e-6);
  REQUIRE(json["heldout"]["loss"].size() == 20);
}
