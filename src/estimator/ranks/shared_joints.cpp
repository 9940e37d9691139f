#include "estimator/ranks/shared_joints.hpp"

#include <functional>
#include <span>
#include <utility>

#include "estimator/statistics/reduction.hpp"

namespace infoplane::estimator {
namespace {

using Put = std::function<void(const SharedJoint&, std::span<state::Writer>)>;
using Take = std::function<void(const SharedJoint&, std::size_t rank, state::Reader&)>;

void exchange_each(const std::vector<SharedJoint>& pairs, distributed::ByteCollectives& ranks, const Put& put,
                   const Take& take) {
  std::vector<state::Writer> parcels(static_cast<std::size_t>(ranks.size()));
  for (const SharedJoint& pair : pairs) {
    put(pair, parcels);
  }
  const std::vector<std::string> received = exchange(parcels, ranks);
  std::vector<state::Reader> readers(received.begin(), received.end());
  for (const SharedJoint& pair : pairs) {
    for (std::size_t rank = 0; rank < readers.size(); ++rank) {
      take(pair, rank, readers[rank]);
    }
  }
  for (const state::Reader& reader : readers) {
    reader.end();
  }
}

}  // namespace

std::vector<std::string> exchange(std::vector<state::Writer>& parcels, distributed::ByteCollectives& ranks) {
  std::vector<std::string> sent;
  sent.reserve(parcels.size());
  for (state::Writer& parcel : parcels) {
    sent.push_back(parcel.take());
  }
  return ranks.all_to_all(std::move(sent));
}

void estimate_joints(std::vector<SharedJoint> pairs, distributed::ByteCollectives& ranks) {
  Reduction reduction(ranks.rank() == 0);
  const auto each = [&pairs](const auto& step) {
    for (const SharedJoint& pair : pairs) {
      step(pair);
    }
  };
  const auto sum = [&] { reduction.next([&ranks](std::span<double> values) { ranks.sum(values); }); };
  if (pairs.empty()) {
    return;
  }
  each([&](const SharedJoint& pair) { pair.estimator->put_channel(reduction); });
  sum();
  each([&](const SharedJoint& pair) { pair.estimator->take_channel(reduction); });
  std::erase_if(pairs, [](const SharedJoint& pair) { return !pair.estimator->goes_on(); });
  if (pairs.empty()) {
    return;
  }
  state::Writer sampled;
  each([&sampled](const SharedJoint& pair) { pair.exchange->put_sampled(*pair.estimator, sampled); });
  const std::vector<std::string> of_all = ranks.all_gather(sampled.take());
  for (const std::string& of_one : of_all) {
    state::Reader reader(of_one);
    each([&reader](const SharedJoint& pair) { pair.exchange->take_sampled(*pair.estimator, reader); });
    reader.end();
  }
  each([](const SharedJoint& pair) { pair.estimator->begin_mixtures(); });
  exchange_each(
      pairs, ranks,
      [](const SharedJoint& pair, std::span<state::Writer> out) { pair.exchange->put_mixtures(*pair.estimator, out); },
      [](const SharedJoint& pair, std::size_t rank, state::Reader& in) {
        pair.exchange->take_mixtures(*pair.estimator, rank, in);
      });
  each([&](const SharedJoint& pair) { pair.estimator->put_mixtures(reduction); });
  sum();
  each([&](const SharedJoint& pair) { pair.estimator->take_mixtures(reduction); });
  for (int stage = 0; stage < ThroughEstimator::kStages; ++stage) {
    each([&](const SharedJoint& pair) { pair.estimator->stage(stage, reduction); });
    if (stage + 1 < ThroughEstimator::kStages) {
      sum();
    }
  }
  exchange_each(
      pairs, ranks,
      [](const SharedJoint& pair, std::span<state::Writer> out) {
        pair.exchange->put_logarithms(*pair.estimator, out);
      },
      [](const SharedJoint& pair, std::size_t rank, state::Reader& in) { pair.exchange->take_logarithms(rank, in); });
  each([&](const SharedJoint& pair) {
    const JointExchange& of = *pair.exchange;
    pair.estimator->put_influences([&of](std::uint32_t y, std::span<double> out) { of.logarithms(y, out); }, reduction);
  });
  sum();
  each([&](const SharedJoint& pair) { pair.estimator->take_influences(reduction); });
}

}  // namespace infoplane::estimator
