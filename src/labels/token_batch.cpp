#include <infoplane/labels/token_batch.hpp>

namespace infoplane::labels {

namespace {

template <typename T>
void copy(const T* data, std::int64_t rows, std::int64_t columns, std::int64_t row_stride, std::int64_t column_stride,
          std::int64_t* out) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      *out++ = data[row * row_stride + column * column_stride];
    }
  }
}

}  // namespace

std::vector<std::int64_t> IntegerView::dense() const {
  std::vector<std::int64_t> values(static_cast<std::size_t>(size()));
  const auto read = [&]<typename T>(const T* data) {
    copy(data, rows_, columns_, row_stride_, column_stride_, values.data());
  };
  switch (type_) {
    case Type::kInt32:
      read(static_cast<const std::int32_t*>(data_));
      break;
    case Type::kInt64:
      read(static_cast<const std::int64_t*>(data_));
      break;
    case Type::kUInt8:
      read(static_cast<const std::uint8_t*>(data_));
      break;
  }
  return values;
}

}  // namespace infoplane::labels
