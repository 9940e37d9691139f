#include "monitor/token_types.hpp"

#include <infoplane/core/error.hpp>
#include <string>

namespace infoplane {

namespace {

bool all(const at::Tensor& flags) { return flags.all().item<bool>(); }

const char* wanted(TokenRole role) noexcept {
  switch (role) {
    case TokenRole::kMask:
      return "bool or uint8 (or int32, int64)";
    case TokenRole::kLabels:
      return "integers";
    case TokenRole::kPositions:
      return "int64";
    default:
      return "int32 or int64";
  }
}

std::string advice_for_mask(const at::Tensor& values) {
  constexpr double kMinusInfinity = -1e4;  // or what stands for it
  const auto low = values.le(kMinusInfinity);
  const auto zero = values.eq(0);
  const auto one = values.eq(1);
  if (all(zero)) {
    return "it is 0 everywhere: give mask == 0 if it is additive, mask.to(torch::kBool) if it marks what counts";
  }
  if (all(zero.logical_or(low))) {
    return "it is additive, 0 where a position counts and −∞ at padding: give mask == 0";
  }
  if (all(zero.logical_or(one))) {
    return "it is 1 where a position counts: give mask.to(torch::kBool)";
  }
  return "give one that is true where a position counts";
}

std::string advice_for_numbers(const at::Tensor& values, TokenRole role, const char* name) {
  if (values.numel() > 0 && all(values.eq(values.round())) && all(values.ge(0))) {
    return detail::concat("all of them whole: give ", role == TokenRole::kLabels ? "them as " : name,
                          ".to(torch::kLong)");
  }
  switch (role) {
    case TokenRole::kTokens:
      return "and not whole: a continuous input has no ids. Give observe() integers of your own instead, one for each "
             "position, such as codes, bins or classes; the forward gets its input as before";
    case TokenRole::kTargets:
      return "and not whole: continuous targets have no ids. Leave them out, and give bins of them as "
             "BatchDetails::labels";
    case TokenRole::kLabels:
      return "and not whole: give the numbers of bins, as equal_count_bins makes them";
    default:
      return "and not whole";
  }
}

const char* advice_for_bool(TokenRole role) noexcept {
  switch (role) {
    case TokenRole::kTokens:
      return "a mask is given by BatchDetails().mask(…); if these are ids, give tokens.to(torch::kLong)";
    case TokenRole::kPositions:
      return "give the numbers of the positions: positions.nonzero().flatten()";
    default:
      return "if these are ids, give them as .to(torch::kLong)";
  }
}

}  // namespace

labels::IntegerView::Type integer_type(const at::Tensor& tensor, TokenRole role, const char* name) {
  const auto dtype = tensor.scalar_type();
  const auto refuse = [&](const std::string& advice) {
    INFOPLANE_THROW(ShapeError, name, " must be ", wanted(role), ", got ", c10::toString(dtype), ": ", advice);
  };
  switch (dtype) {
    case at::kInt:
      return labels::IntegerView::Type::kInt32;
    case at::kLong:
      return labels::IntegerView::Type::kInt64;
    case at::kByte:
      return labels::IntegerView::Type::kUInt8;
    case at::kBool:
      if (role == TokenRole::kMask || role == TokenRole::kLabels) {
        return labels::IntegerView::Type::kUInt8;
      }
      refuse(advice_for_bool(role));
      break;
    default:
      break;
  }
  if (role == TokenRole::kLabels && at::isIntegralType(dtype, /*includeBool=*/false)) {
    return labels::IntegerView::Type::kInt64;  // on_host makes them so
  }
  if (at::isFloatingType(dtype)) {
    const auto values = tensor.detach().to(at::kDouble);
    refuse(role == TokenRole::kMask ? advice_for_mask(values) : advice_for_numbers(values, role, name));
  }
  refuse(at::isIntegralType(dtype, /*includeBool=*/false) ? "give it as .to(torch::kLong)" : "these are no integers");
  return labels::IntegerView::Type::kInt64;
}

at::Tensor on_host(const at::Tensor& tensor, labels::IntegerView::Type type) {
  const auto host = tensor.device().is_cpu() ? tensor : tensor.cpu();
  return type == labels::IntegerView::Type::kInt64 ? host.to(at::kLong) : host;
}

}  // namespace infoplane
