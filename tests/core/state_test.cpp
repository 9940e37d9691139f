#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>

#include "core/odd_locale.hpp"
#include "core/state.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::IoError;
namespace state = infoplane::state;

namespace {

std::string written() {
  state::Writer content;
  content.put(std::int32_t{-7});
  content.put(0.1);
  content.put_text("höchst");
  content.put_array(std::vector<float>{1.5F, -0.0F, std::numeric_limits<float>::infinity()});
  content.put_array(std::vector<std::uint16_t>{});
  std::ostringstream out;
  state::write(out, "thing", 3, content.content());
  return out.str();
}

state::Content read(const std::string& bytes, const char* kind = "thing", std::uint32_t newest = 3) {
  std::istringstream in(bytes);
  return state::read(in, kind, newest);
}

template <typename Call>
void refused(const Call& call, const std::string& message) {
  REQUIRE_THROWS_MATCHES(call(), IoError, MessageMatches(ContainsSubstring(message)));
}

}  // namespace

TEST_CASE("what is written is read", "[core][state]") {
  const state::Content content = read(written());
  REQUIRE(content.version == 3);
  state::Reader reader(content.bytes);
  REQUIRE(reader.get<std::int32_t>() == -7);
  REQUIRE(reader.get<double>() == 0.1);
  REQUIRE(reader.get_text() == "höchst");
  const auto floats = reader.get_array<float>(3, "three");
  REQUIRE(floats == std::vector<float>{1.5F, -0.0F, std::numeric_limits<float>::infinity()});
  REQUIRE(std::signbit(floats[1]));
  REQUIRE(reader.get_array<std::uint16_t>().empty());
  reader.end();
}

TEST_CASE("states follow one another in a stream", "[core][state]") {
  std::istringstream in(written() + "between" + written());
  REQUIRE(state::read(in, "thing", 3).version == 3);
  std::string between(7, ' ');
  in.read(between.data(), 7);
  REQUIRE(between == "between");
  REQUIRE(state::read(in, "thing", 3).bytes == read(written()).bytes);
}

TEST_CASE("a state that ends anywhere before its end is refused", "[core][state]") {
  const std::string whole = written();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    REQUIRE_THROWS_AS(read(whole.substr(0, size)), IoError);
  }
  refused([&] { read(whole.substr(0, whole.size() - 20)); }, "cut short: its content has ");
}

TEST_CASE("a state with any bit changed is refused", "[core][state]") {
  const std::string whole = written();
  for (std::size_t i = 0; i < 8 * whole.size(); ++i) {
    std::string changed = whole;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    INFO(i);
    REQUIRE_THROWS_AS(read(changed), IoError);
  }
}

TEST_CASE("another file, kind or version is named", "[core][state]") {
  refused([] { read("{\"run\": 1}"); }, "this is no saved state of infoplane: it starts with 10 bytes");
  refused([] { read(""); }, "it starts with 0 bytes");
  refused([] { read(written(), "other"); }, "another kind of object: \"thing\", not \"other\"");
  refused([] { read(written(), "thing", 2); },
          "the saved state has version 3, this library reads versions 1 to 2; load it with the library that wrote it");
}

TEST_CASE("a length that no file has asks for no memory", "[core][state]") {
  std::string whole = written();
  const std::size_t length = 16 + 8 + 5 + 4;
  for (std::size_t i = 0; i < 7; ++i) {
    whole[length + i] = '\xff';
  }
  refused([&] { read(whole); }, "cut short");  // 64 petabytes
  state::Writer content;
  content.put(std::numeric_limits<std::uint64_t>::max() / 8);
  state::Reader reader(content.content());
  refused([&] { reader.get_array<double>(); }, "an array is longer than the file");
}

TEST_CASE("contents of other lengths are refused", "[core][state]") {
  state::Writer content;
  content.put_array(std::vector<int>{1, 2});
  refused([&] { state::Reader(content.content()).get_array<int>(3, "three are needed"); }, "three are needed");
  refused([&] { state::Reader(content.content()).end(); }, "there is more than there should be");
  state::Reader reader(content.content());
  reader.get_array<int>();
  refused([&] { reader.get<char>(); }, "it ends too early");
  state::Writer flag;
  flag.put(std::uint8_t{2});
  refused([&] { state::Reader(flag.content()).get_flag(); }, "neither 0 nor 1");
}

TEST_CASE("a stream that cannot be written to is an error", "[core][state]") {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  refused([&] { state::write(out, "thing", 1, "abc"); }, "the state of 3 bytes could not be written");
}

TEST_CASE("a state does not depend on the format or the locale of the stream", "[core][state][locale]") {
  state::Writer content;
  content.put(std::int64_t{1234567});
  const auto in = [&](auto prepare) {
    std::ostringstream out;
    prepare(out);
    state::write(out, "thing", 3, content.content());
    return out.str();
  };
  const auto plain = in([](std::ostream&) {});
  REQUIRE(in([](std::ostream& out) { out << std::hex << std::left << std::setw(40) << std::setfill('*'); }) == plain);
  const OddLocale odd;
  REQUIRE(in([](std::ostream&) {}) == plain);
  REQUIRE(read(plain).bytes == content.content());
}
