#include "core/state.hpp"

#include <algorithm>
#include <array>
#include <infoplane/core/hash.hpp>
#include <istream>
#include <ostream>

namespace infoplane::state {
namespace {

constexpr std::string_view kMagic = "infoplane state\n";
constexpr std::size_t kLongestKind = 64;

std::uint64_t hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t result = splitmix64(seed ^ bytes.size());
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t count = std::min(bytes.size(), sizeof(word));
    std::memcpy(&word, bytes.data(), count);
    result = splitmix64(result ^ word);
    bytes.remove_prefix(count);
  }
  return result;
}

std::string read_bytes(std::istream& in, std::uint64_t count, const char* what) {
  constexpr std::uint64_t kPiece = 1U << 20U;
  std::string bytes;
  while (bytes.size() < count) {
    const auto piece = static_cast<std::size_t>(std::min(kPiece, count - bytes.size()));
    const std::size_t before = bytes.size();
    bytes.resize(before + piece);
    in.read(bytes.data() + before, static_cast<std::streamsize>(piece));
    const auto got = static_cast<std::size_t>(in.gcount());
    INFOPLANE_CHECK(got == piece, IoError, "the saved state is cut short: its ", what, " has ", before + got, " of ",
                    count, " bytes");
  }
  return bytes;
}

template <typename T>
T number(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace

std::string Reader::get_text() {
  const auto characters = get_array<char>();
  return {characters.begin(), characters.end()};
}

void write(std::ostream& out, std::string_view kind, std::uint32_t version, std::string_view content) {
  Writer header;
  header.put_text(kind);
  header.put(version);
  header.put(static_cast<std::uint64_t>(content.size()));
  Writer end;
  end.put(hash(content, hash(header.content(), 0)));
  for (const std::string_view part :
       {kMagic, std::string_view(header.content()), content, std::string_view(end.content())}) {
    out.write(part.data(), static_cast<std::streamsize>(part.size()));  // operator<< obeys the stream's format
  }
  out.flush();
  INFOPLANE_CHECK(out.good(), IoError, "the state of ", content.size(),
                  " bytes could not be written; is the disk full, or the stream closed?");
}

Content read(std::istream& in, std::string_view kind, std::uint32_t newest) {
  std::array<char, kMagic.size()> magic{};
  in.read(magic.data(), magic.size());
  const std::string_view found(magic.data(), static_cast<std::size_t>(in.gcount()));
  INFOPLANE_CHECK(found == kMagic, IoError, "this is no saved state of infoplane: it starts with ", found.size(),
                  " bytes that are not \"infoplane state\"");
  std::string header = read_bytes(in, sizeof(std::uint64_t), "header");
  const auto kind_bytes = number<std::uint64_t>(header);
  Reader::require(kind_bytes <= kLongestKind, "the name of its kind is too long");
  header += read_bytes(in, kind_bytes + sizeof(std::uint32_t) + sizeof(std::uint64_t), "header");
  Reader reader(header);
  const std::string found_kind = reader.get_text();
  Content content{reader.get<std::uint32_t>(), {}};
  const auto bytes = reader.get<std::uint64_t>();
  INFOPLANE_CHECK(found_kind == kind, IoError, "this is the saved state of another kind of object: \"", found_kind,
                  "\", not \"", kind, "\"");
  INFOPLANE_CHECK(content.version >= 1 && content.version <= newest, IoError, "the saved state has version ",
                  content.version, ", this library reads versions 1 to ", newest, "; load it with the library that ",
                  "wrote it, or a newer one");
  content.bytes = read_bytes(in, bytes, "content");
  const auto written = number<std::uint64_t>(read_bytes(in, sizeof(std::uint64_t), "hash"));
  Reader::require(written == hash(content.bytes, hash(header, 0)), "its hash is not that of its content");
  return content;
}

}  // namespace infoplane::state
