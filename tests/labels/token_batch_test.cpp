#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cstdint>
#include <infoplane/labels/token_batch.hpp>
#include <vector>

namespace infoplane::labels {

using Catch::Matchers::Message;
using Values = std::vector<std::int64_t>;

TEST_CASE("a view reads every integer type", "[labels]") {
  const std::array<std::int32_t, 6> narrow{1, 2, 3, -4, 5, 6};
  const std::array<std::int64_t, 6> wide{1, 2, 3, -4, 5, std::int64_t{1} << 40U};
  const std::array<std::uint8_t, 2> bytes{0, 255};
  const std::array<bool, 2> flags{true, false};
  CHECK(IntegerView(narrow.data(), 2, 3).dense() == Values{1, 2, 3, -4, 5, 6});
  CHECK(IntegerView(wide.data(), 2, 3).dense() == Values{1, 2, 3, -4, 5, std::int64_t{1} << 40U});
  CHECK(IntegerView(bytes.data(), 1, 2).dense() == Values{0, 255});
  CHECK(IntegerView(flags.data(), 1, 2).dense() == Values{1, 0});
}

TEST_CASE("strides describe transposed, spaced and repeated values", "[labels]") {
  const std::array<std::int32_t, 6> memory{1, 2, 3, 4, 5, 6};
  const IntegerView view(memory.data(), 2, 3);
  const auto turned = view.transposed();
  CHECK(turned.rows() == 3);
  CHECK(turned.columns() == 2);
  CHECK(turned.dense() == Values{1, 4, 2, 5, 3, 6});
  CHECK(turned.at(2, 0) == 3);
  CHECK(turned.transposed().dense() == view.dense());
  CHECK(IntegerView(memory.data(), IntegerView::Type::kInt32, 2, 2, 3, 2).dense() == Values{1, 3, 4, 6});
  CHECK(IntegerView(memory.data(), IntegerView::Type::kInt32, 2, 3, 1, 0).dense() == Values{1, 1, 1, 2, 2, 2});
  CHECK(IntegerView(memory.data() + 5, IntegerView::Type::kInt32, 1, 3, 0, -2).dense() == Values{6, 4, 2});
}

TEST_CASE("an impossible view is refused", "[labels]") {
  const std::int64_t value = 0;
  CHECK_THROWS_MATCHES(IntegerView(&value, -1, 3), ShapeError, Message("an array of -1 x 3 is impossible"));
  CHECK_THROWS_MATCHES(IntegerView(static_cast<const std::int64_t*>(nullptr), 2, 3), ShapeError,
                       Message("an array of 2 x 3 needs data, got a null pointer"));
  CHECK(IntegerView(static_cast<const std::int64_t*>(nullptr), 0, 3).dense().empty());
}

}  // namespace infoplane::labels
