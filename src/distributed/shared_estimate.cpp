#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <infoplane/distributed/shared_estimate.hpp>
#include <memory>
#include <utility>

namespace infoplane::distributed {
namespace {

// The tensor owns the text: a backend whose operation failed may go on reading and writing what it was given.
at::Tensor bytes_of(std::string text) {
  const auto owned = std::make_shared<std::string>(std::move(text));
  return at::from_blob(
      owned->data(), {static_cast<std::int64_t>(owned->size())}, [owned](void*) {}, at::kByte);
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
    at::Tensor all = at::empty({static_cast<std::int64_t>(values.size())}, at::kDouble);
    std::copy(values.begin(), values.end(), all.mutable_data_ptr<double>());
    communicator_.sum(all);
    std::copy_n(all.const_data_ptr<double>(), values.size(), values.begin());
  }
}

std::vector<std::string> CommunicatorExchange::gather(std::string mine) {
  return texts_of(communicator_.all_gather(bytes_of(std::move(mine))));
}

std::vector<std::string> CommunicatorExchange::exchange(std::vector<std::string> for_each_rank) {
  std::vector<at::Tensor> parcels;
  for (std::string& parcel : for_each_rank) {
    parcels.push_back(bytes_of(std::move(parcel)));
  }
  return texts_of(communicator_.all_to_all(parcels));
}

std::string CommunicatorExchange::from_first(std::string mine) {
  at::Tensor size = at::empty({1}, at::kLong);
  *size.mutable_data_ptr<std::int64_t>() = static_cast<std::int64_t>(mine.size());
  communicator_.broadcast(size, 0);
  mine.resize(static_cast<std::size_t>(*size.const_data_ptr<std::int64_t>()));
  at::Tensor bytes = bytes_of(std::move(mine));
  communicator_.broadcast(bytes, 0);
  return texts_of({bytes}).front();
}

std::vector<estimator::NamedEstimate> shared_estimates(const std::vector<estimator::NamedAccumulator>& mine,
                                                       Communicator& communicator, std::int64_t sequence_group) {
  CommunicatorExchange exchange(communicator);
  return estimator::shared_estimates(mine, exchange, sequence_group);
}

}  // namespace infoplane::distributed
