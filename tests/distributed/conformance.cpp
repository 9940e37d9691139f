#include "conformance.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <infoplane/core/error.hpp>
#include <limits>
#include <string>

namespace infoplane::test {
namespace {

using distributed::Communicator;

class Violation : public Error {
 public:
  using Error::Error;
};

#define CONFORM(condition) INFOPLANE_CHECK_CONFORMS(condition, #condition, __LINE__, communicator)
#define INFOPLANE_CHECK_CONFORMS(condition, text, line, c)                                                  \
  do {                                                                                                      \
    if (!(condition)) {                                                                                     \
      throw Violation(                                                                                      \
          infoplane::detail::concat("rank ", (c).rank(), " of ", (c).size(), ", line ", line, ": ", text)); \
    }                                                                                                       \
  } while (false)

constexpr c10::ScalarType kSummed[] = {at::kDouble, at::kFloat, at::kLong};
constexpr c10::ScalarType kMoved[] = {at::kDouble, at::kFloat, at::kLong, at::kByte};

// Values of rank r that no other rank has; small enough for uint8.
at::Tensor values_of(int rank, std::int64_t size, c10::ScalarType dtype) {
  return (at::arange(size, at::kLong) * 3 + rank * 7).remainder(251).to(dtype);
}

void knows_its_place(Communicator& communicator) {
  CONFORM(communicator.size() >= 1 && communicator.rank() >= 0 && communicator.rank() < communicator.size());
  CONFORM(!communicator.describe().empty());
  CONFORM(communicator.broken().empty());
}

void sums(Communicator& communicator) {
  for (const auto dtype : kSummed) {
    for (const std::int64_t size : {1, 7, 1000, 100'003}) {
      at::Tensor values = values_of(communicator.rank(), size, dtype);
      at::Tensor expected = at::zeros_like(values);
      for (int r = 0; r < communicator.size(); ++r) {
        expected += values_of(r, size, dtype);
      }
      const void* const storage = values.const_data_ptr();
      communicator.sum(values);
      CONFORM(values.equal(expected) && values.scalar_type() == dtype);
      CONFORM(values.const_data_ptr() == storage);
    }
  }
}

void keeps_shapes(Communicator& communicator) {
  at::Tensor values = at::ones({3, 4, 5}, at::kDouble);
  communicator.sum(values);
  CONFORM(values.equal(at::full({3, 4, 5}, communicator.size(), at::kDouble)));
  at::Tensor scalar = at::scalar_tensor(communicator.rank(), at::kDouble);
  communicator.max(scalar);
  CONFORM(scalar.dim() == 0 && scalar.item<double>() == communicator.size() - 1);
}

// Large integers survive: nothing goes by way of a float.
void sums_int64_exactly(Communicator& communicator) {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  at::Tensor values = at::full({3}, communicator.rank() == 0 ? large : 2, at::kLong);
  communicator.sum(values);
  CONFORM(values.equal(at::full({3}, large + 2 * (communicator.size() - 1), at::kLong)));
}

// Sums whose rounding depends on the order have the same bits on all ranks, and again.
void sums_with_the_same_bits(Communicator& communicator) {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    at::Tensor before = at::sin(at::arange(5000, at::kDouble) * (1.7 + communicator.rank())).exp().to(dtype);
    before.slice(0, 0, 2500).mul_(std::pow(1e6, communicator.rank() % 3 - 1));
    at::Tensor first = before.clone();
    communicator.sum(first);
    for (const at::Tensor& other : communicator.all_gather(first)) {
      CONFORM(other.equal(first));
    }
    at::Tensor second = before.clone();
    communicator.sum(second);
    CONFORM(second.equal(first));
  }
}

void takes_maxima(Communicator& communicator) {
  for (const auto dtype : kSummed) {
    at::Tensor values = (at::arange(1001, at::kLong) * (communicator.rank() % 2 == 0 ? 1 : -1)).to(dtype);
    at::Tensor expected = at::arange(1001, at::kLong).to(dtype);
    communicator.max(values);
    CONFORM(values.equal(expected));
  }
  at::Tensor infinite =
      at::full({2}, communicator.rank() == 0 ? -std::numeric_limits<double>::infinity() : 1.0, at::kDouble);
  communicator.max(infinite);
  CONFORM(infinite[0].item<double>() == (communicator.size() == 1 ? -std::numeric_limits<double>::infinity() : 1.0));
}

void broadcasts_from_each(Communicator& communicator) {
  for (const auto dtype : kMoved) {
    for (int root = 0; root < communicator.size(); ++root) {
      at::Tensor values = values_of(communicator.rank(), 1234, dtype);
      communicator.broadcast(values, root);
      CONFORM(values.equal(values_of(root, 1234, dtype)));
    }
  }
}

void gathers_unequal_sizes(Communicator& communicator) {
  const auto size_of = [](int rank) { return std::int64_t{rank == 1 ? 0 : 5 + 1000 * rank}; };
  for (const auto dtype : kMoved) {
    const at::Tensor mine = values_of(communicator.rank(), size_of(communicator.rank()), dtype);
    const auto all = communicator.all_gather(mine);
    CONFORM(static_cast<int>(all.size()) == communicator.size());
    for (int r = 0; r < communicator.size(); ++r) {
      CONFORM(all[r].equal(values_of(r, size_of(r), dtype)) && all[r].scalar_type() == dtype);
    }
    CONFORM(mine.equal(values_of(communicator.rank(), size_of(communicator.rank()), dtype)));
  }
}

void sends_unequal_sizes_to_each(Communicator& communicator) {
  const int ranks = communicator.size();
  const auto size_of = [](int from, int to) { return std::int64_t{(from + 2 * to) % 3 * 700 + (from == to ? 3 : 0)}; };
  for (const auto dtype : kMoved) {
    std::vector<at::Tensor> send;
    for (int to = 0; to < ranks; ++to) {
      send.push_back(values_of(communicator.rank() * ranks + to, size_of(communicator.rank(), to), dtype));
    }
    const auto received = communicator.all_to_all(send);
    CONFORM(static_cast<int>(received.size()) == ranks);
    for (int from = 0; from < ranks; ++from) {
      CONFORM(received[from].equal(
          values_of(from * ranks + communicator.rank(), size_of(from, communicator.rank()), dtype)));
      CONFORM(received[from].scalar_type() == dtype);
    }
  }
}

void results_are_no_views_of_arguments(Communicator& communicator) {
  const at::Tensor mine = at::ones({4}, at::kLong);
  communicator.all_gather(mine)[communicator.rank()].zero_();
  communicator.all_to_all(std::vector<at::Tensor>(communicator.size(), mine))[communicator.rank()].zero_();
  CONFORM(mine.equal(at::ones({4}, at::kLong)));
}

void takes_nothing_at_all(Communicator& communicator) {
  const int ranks = communicator.size();
  at::Tensor none = at::empty({0}, at::kDouble);
  communicator.sum(none);
  communicator.max(none);
  communicator.broadcast(none, ranks - 1);
  for (const at::Tensor& piece : communicator.all_gather(none)) {
    CONFORM(piece.numel() == 0);
  }
  for (const at::Tensor& piece : communicator.all_to_all(std::vector<at::Tensor>(ranks, none))) {
    CONFORM(piece.numel() == 0 && piece.scalar_type() == at::kDouble);
  }
}

void carries_many_operations(Communicator& communicator) {
  for (int i = 0; i < 100; ++i) {
    at::Tensor values = at::full({1 + i % 5}, i, at::kDouble);
    if (i % 3 == 0) {
      communicator.sum(values);
      CONFORM(values[0].item<double>() == i * communicator.size());
    } else if (i % 3 == 1) {
      communicator.max(values);
      CONFORM(values[0].item<double>() == i);
    } else {
      CONFORM(communicator.all_gather(values).back()[0].item<double>() == i);
    }
  }
}

void carries_large_tensors(Communicator& communicator) {
  const std::int64_t size = std::int64_t{1} << 20;
  at::Tensor values = at::ones({size}, at::kFloat);
  communicator.sum(values);
  CONFORM(values.eq(communicator.size()).all().item<bool>());
  const auto received = communicator.all_to_all(
      std::vector<at::Tensor>(communicator.size(), at::full({size}, communicator.rank(), at::kLong)));
  for (int from = 0; from < communicator.size(); ++from) {
    CONFORM(received[from].eq(from).all().item<bool>());
  }
}

void counts_bytes(Communicator& communicator) {
  const std::int64_t ranks = communicator.size();
  const std::int64_t handshake = 48 * (ranks - 1);
  std::int64_t before = communicator.bytes_sent();
  const auto sent = [&] { return communicator.bytes_sent() - std::exchange(before, communicator.bytes_sent()); };
  at::Tensor values = at::ones({1000}, at::kFloat);
  communicator.sum(values);
  CONFORM(sent() == handshake + (2 * 4000 * (ranks - 1) + ranks - 1) / ranks);
  communicator.max(values);
  CONFORM(sent() == handshake + (2 * 4000 * (ranks - 1) + ranks - 1) / ranks);
  communicator.broadcast(values, 0);
  CONFORM(sent() == handshake + (communicator.rank() == 0 ? 4000 * (ranks - 1) : 0));
  communicator.all_gather(values);
  CONFORM(sent() == handshake + 4000 * (ranks - 1));
  std::vector<at::Tensor> pieces;
  for (int r = 0; r < ranks; ++r) {
    pieces.push_back(at::ones({100 * r}, at::kLong));
  }
  communicator.all_to_all(pieces);
  CONFORM(sent() == handshake + 800 * (ranks * (ranks - 1) / 2 - communicator.rank()));
}

template <typename Exception, typename Function>
bool throws_with(const char* text, const Function& function) {
  try {
    function();
  } catch (const Exception& e) {
    return std::string(e.what()).find(text) != std::string::npos;
  }
  return false;
}

// A wrong argument throws before anything is sent, and the next operation works.
void refuses_wrong_arguments(Communicator& communicator) {
  at::Tensor undefined;
  at::Tensor half = at::ones({2}, at::kHalf);
  at::Tensor byte = at::ones({2}, at::kByte);
  at::Tensor strided = at::ones({4, 4}, at::kDouble).t().slice(0, 0, 2);
  at::Tensor square = at::ones({2, 2}, at::kDouble);
  CONFORM(throws_with<ShapeError>("sum: the tensor is undefined", [&] { communicator.sum(undefined); }));
  CONFORM(throws_with<ShapeError>("max takes float64, float32 and int64, got Half", [&] { communicator.max(half); }));
  CONFORM(throws_with<ShapeError>("sum takes float64, float32 and int64, got Byte", [&] { communicator.sum(byte); }));
  CONFORM(throws_with<ShapeError>("[2, 4] is not contiguous", [&] { communicator.broadcast(strided, 0); }));
  CONFORM(throws_with<ShapeError>("one axis, got [2, 2]", [&] { communicator.all_gather(square); }));
  CONFORM(throws_with<ArgumentError>("broadcast from rank -1", [&] { communicator.broadcast(square, -1); }));
  CONFORM(throws_with<ArgumentError>("in a world of", [&] { communicator.broadcast(square, communicator.size()); }));
  CONFORM(throws_with<ArgumentError>("all_to_all got 0 tensors", [&] { communicator.all_to_all({}); }));
  if (communicator.size() > 1) {
    std::vector<at::Tensor> mixed(communicator.size(), at::ones({2}, at::kDouble));
    mixed.back() = byte;
    CONFORM(throws_with<ShapeError>("got Double on cpu and Byte on cpu", [&] { communicator.all_to_all(mixed); }));
  }
  communicator.sum(square);
  CONFORM(square.equal(at::full({2, 2}, communicator.size(), at::kDouble)));
}

void records_no_gradient(Communicator& communicator) {
  at::Tensor values = at::ones({3}, at::kDouble).requires_grad_();
  communicator.sum(values);
  CONFORM(values.is_leaf() && !values.grad_fn());
  CONFORM(!communicator.all_gather(values)[0].requires_grad());
}

}  // namespace

const std::vector<ConformanceCase>& conformance_cases() {
  static const std::vector<ConformanceCase> cases{
      {"knows its place", knows_its_place},
      {"sums", sums},
      {"keeps shapes", keeps_shapes},
      {"sums int64 exactly", sums_int64_exactly},
      {"sums with the same bits on all ranks", sums_with_the_same_bits},
      {"takes maxima", takes_maxima},
      {"broadcasts from each rank", broadcasts_from_each},
      {"gathers unequal sizes", gathers_unequal_sizes},
      {"sends unequal sizes to each rank", sends_unequal_sizes_to_each},
      {"returns no views of its arguments", results_are_no_views_of_arguments},
      {"takes tensors without elements", takes_nothing_at_all},
      {"carries many operations in a row", carries_many_operations},
      {"carries large tensors", carries_large_tensors},
      {"counts bytes", counts_bytes},
      {"refuses wrong arguments and goes on", refuses_wrong_arguments},
      {"records no gradient", records_no_gradient},
  };
  return cases;
}

}  // namespace infoplane::test
