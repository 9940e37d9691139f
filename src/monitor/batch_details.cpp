#include <infoplane/core/error.hpp>
#include <infoplane/monitor/batch_details.hpp>

namespace infoplane {

RowPositions::RowPositions(const at::Tensor& positions) : some_(true) {
  INFOPLANE_CHECK(
      positions.defined() && positions.dim() == 1 && at::isIntegralType(positions.scalar_type(), /*includeBool=*/false),
      ShapeError, "positions must be integers of one axis, got ",
      positions.defined()
          ? detail::concat(c10::toString(positions.scalar_type()), " [", detail::join(positions.sizes()), "]")
          : "an undefined tensor");
  const auto host = positions.to(at::kCPU, at::kLong).contiguous();
  values_.assign(host.const_data_ptr<std::int64_t>(), host.const_data_ptr<std::int64_t>() + host.numel());
}

TokenRow::TokenRow(std::string pattern, at::Tensor tokens_of_row, at::Tensor targets_of_row, const BatchDetails& of_row)
    : sites(std::move(pattern)),
      tokens(std::move(tokens_of_row)),
      targets(std::move(targets_of_row)),
      details(std::make_shared<const BatchDetails>(of_row)) {}

const BatchDetails& TokenRow::no_details() {
  static const BatchDetails none;
  return none;
}

}  // namespace infoplane
