#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <infoplane/distributed/byte_communicator.hpp>
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

void ByteCommunicator::sum(std::span<double> values) {
  if (!values.empty()) {
    at::Tensor all = at::empty({static_cast<std::int64_t>(values.size())}, at::kDouble);
    std::copy(values.begin(), values.end(), all.mutable_data_ptr<double>());
    communicator_.sum(all);
    std::copy_n(all.const_data_ptr<double>(), values.size(), values.begin());
  }
}

std::string ByteCommunicator::broadcast(std::string mine, int root) {
  at::Tensor size = at::empty({1}, at::kLong);
  *size.mutable_data_ptr<std::int64_t>() = static_cast<std::int64_t>(mine.size());
  communicator_.broadcast(size, root);
  mine.resize(static_cast<std::size_t>(*size.const_data_ptr<std::int64_t>()));
  at::Tensor bytes = bytes_of(std::move(mine));
  communicator_.broadcast(bytes, root);
  return texts_of({bytes}).front();
}

std::vector<std::string> ByteCommunicator::all_gather(std::string mine) {
  return texts_of(communicator_.all_gather(bytes_of(std::move(mine))));
}

std::vector<std::string> ByteCommunicator::all_to_all(std::vector<std::string> for_each_rank) {
  std::vector<at::Tensor> parcels;
  for (std::string& parcel : for_each_rank) {
    parcels.push_back(bytes_of(std::move(parcel)));
  }
  return texts_of(communicator_.all_to_all(parcels));
}

}  // namespace infoplane::distributed
