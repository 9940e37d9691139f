#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <infoplane/distributed/shared_estimate.hpp>

namespace infoplane::distributed {
namespace {

// A view: the communicator does not write to what it sends.
at::Tensor bytes_of(const std::string& text) {
  return at::from_blob(const_cast<char*>(text.data()), {static_cast<std::int64_t>(text.size())}, at::kByte);
}

std::vector<std::string> texts_of(const std::vector<at::Tensor>& tensors) {
  std::vector<std::string> texts;
  for (const at::Tensor& tensor : tensors) {
    const auto size = static_cast<std::size_t>(tensor.numel());
    texts.emplace_back(size > 0 ? reinterpret_cast<const char*>(tensor.const_data_ptr<std::uint8_t>()) : "", size);
  }
  return texts;
}

}  // namespace

void CommunicatorExchange::sum(std::span<double> values) {
  if (!values.empty()) {
    at::Tensor all = at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble);
    communicator_.sum(all);
  }
}

std::vector<std::string> CommunicatorExchange::gather(const std::string& mine) {
  return texts_of(communicator_.all_gather(bytes_of(mine)));
}

std::vector<std::string> CommunicatorExchange::exchange(const std::vector<std::string>& for_each_rank) {
  std::vector<at::Tensor> parcels;
  for (const std::string& parcel : for_each_rank) {
    parcels.push_back(bytes_of(parcel));
  }
  return texts_of(communicator_.all_to_all(parcels));
}

std::string CommunicatorExchange::from_first(const std::string& mine) {
  at::Tensor size = at::empty({1}, at::kLong);
  *size.mutable_data_ptr<std::int64_t>() = static_cast<std::int64_t>(mine.size());
  communicator_.broadcast(size, 0);
  std::string text = mine;
  text.resize(static_cast<std::size_t>(*size.const_data_ptr<std::int64_t>()));
  at::Tensor bytes = bytes_of(text);
  communicator_.broadcast(bytes, 0);
  return text;
}

std::vector<estimator::NamedEstimate> shared_estimates(const std::vector<estimator::NamedAccumulator>& mine,
                                                       Communicator& communicator, std::int64_t sequence_group) {
  CommunicatorExchange exchange(communicator);
  return estimator::shared_estimates(mine, exchange, sequence_group);
}

}  // namespace infoplane::distributed
