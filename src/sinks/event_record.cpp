#include "sinks/event_record.hpp"

#include <bit>

#include "core/text.hpp"
#include "sinks/crc32c.hpp"

namespace infoplane::sinks {
namespace {

enum Wire : std::uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <typename Number>
void put_little_endian(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out += static_cast<char>(number >> (8 * i) & 0xffU);
  }
}

void put_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7U) {
    out += static_cast<char>(number | 0x80U);
  }
  out += static_cast<char>(number);
}

void put_key(std::string& out, std::uint64_t field, Wire wire) { put_varint(out, field << 3U | wire); }

void put_double(std::string& out, std::uint64_t field, double value) {
  put_key(out, field, kFixed64);
  put_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

void put_text(std::string& out, std::uint64_t field, const std::string& text) {
  put_key(out, field, kBytes);
  put_varint(out, text.size());
  out += text;
}

std::string framed(const std::string& event) {
  std::string length, record;
  put_little_endian(length, static_cast<std::uint64_t>(event.size()));
  record = length;
  put_little_endian(record, masked_crc32c(length));
  record += event;
  put_little_endian(record, masked_crc32c(event));
  return record;
}

}  // namespace

std::string version_record(double wall_time) {
  std::string event;
  put_double(event, 1, wall_time);
  put_text(event, 3, "brain.Event:2");
  return framed(event);
}

std::string scalars_record(double wall_time, std::int64_t step,
                           const std::vector<std::pair<std::string, double>>& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars) {
    std::string entry;
    put_text(entry, 1, text::valid_utf8(tag));  // readers refuse a file with another's bytes
    put_key(entry, 2, kFixed32);
    put_little_endian(entry, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    put_text(summary, 1, entry);
  }
  std::string event;
  put_double(event, 1, wall_time);
  put_key(event, 2, kVarint);
  put_varint(event, static_cast<std::uint64_t>(step));
  put_text(event, 5, summary);
  return framed(event);
}

}  // namespace infoplane::sinks
