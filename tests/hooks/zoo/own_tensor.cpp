// A trainer without LibTorch: its own arrays, forward and backward by hand, gradient descent. It lends the memory of
// its streams for the time of a call.
#include <infoplane/hooks/raw_tap.hpp>

#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Array {
  std::vector<int64_t> sizes;
  std::vector<float> values;

  explicit Array(std::vector<int64_t> sizes_) : sizes(std::move(sizes_)), values(1) {
    for (const auto size : sizes) {
      values.resize(values.size() * static_cast<std::size_t>(size));
    }
  }
  int64_t columns() const { return sizes.back(); }
  int64_t rows() const { return static_cast<int64_t>(values.size()) / columns(); }
  float* row(int64_t i) { return values.data() + i * columns(); }
  const float* row(int64_t i) const { return values.data() + i * columns(); }
};

Array weight(int64_t rows, int64_t columns, float phase) {
  Array array({rows, columns});
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    array.values[i] = 0.5F * std::sin(phase + 1.7F * static_cast<float>(i));
  }
  return array;
}

/// y += x w; behind it, the gradients of x and w for that of y.
void multiply(const Array& x, const Array& w, Array& y) {
  for (int64_t i = 0; i < x.rows(); ++i) {
    for (int64_t k = 0; k < w.rows(); ++k) {
      for (int64_t j = 0; j < w.columns(); ++j) {
        y.row(i)[j] += x.row(i)[k] * w.row(k)[j];
      }
    }
  }
}
void multiply_backward(const Array& x, const Array& w, const Array& dy, Array& dx, Array& dw) {
  for (int64_t i = 0; i < x.rows(); ++i) {
    for (int64_t k = 0; k < w.rows(); ++k) {
      for (int64_t j = 0; j < w.columns(); ++j) {
        dx.row(i)[k] += dy.row(i)[j] * w.row(k)[j];
        dw.row(k)[j] += dy.row(i)[j] * x.row(i)[k];
      }
    }
  }
}

/// The mean cross-entropy; logits become their gradient.
float cross_entropy(Array& logits, const std::vector<int32_t>& targets) {
  float loss = 0;
  const auto count = static_cast<float>(logits.rows());
  for (int64_t i = 0; i < logits.rows(); ++i) {
    float* row = logits.row(i);
    float sum = 0;
    for (int64_t j = 0; j < logits.columns(); ++j) {
      sum += std::exp(row[j]);
    }
    const auto target = targets[static_cast<std::size_t>(i)];
    loss += (std::log(sum) - row[target]) / count;
    for (int64_t j = 0; j < logits.columns(); ++j) {
      row[j] = (std::exp(row[j]) / sum - (j == target ? 1.F : 0.F)) / count;
    }
  }
  return loss;
}

void witness_array(const std::string& site, const Array& x) {
  witness(site, torch::from_blob(const_cast<float*>(x.values.data()), x.sizes));
}

struct Net {
  std::vector<Array> layers = {weight(kWidth, kWidth, 0.F), weight(kWidth, kWidth, 1.F)};
  Array table = weight(kVocabulary, kWidth, 2.F), head = weight(kWidth, kVocabulary, 3.F);

  /// Forward, backward and a step of gradient descent: x + relu(x w) in each layer.
  float train_step(const std::vector<int32_t>& tokens, const std::vector<int32_t>& targets, int64_t length) {
    std::vector<Array> xs = {Array({static_cast<int64_t>(tokens.size()) / length, length, kWidth})};
    for (int64_t i = 0; i < xs[0].rows(); ++i) {
      std::copy_n(table.row(tokens[static_cast<std::size_t>(i)]), kWidth, xs[0].row(i));
    }
    witness_array("embedding", xs[0]);
    infoplane::tap_raw("embedding", [&] { return infoplane::RawTensor{xs[0].values.data(), xs[0].sizes}; });
    std::vector<Array> hidden;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      auto& h = hidden.emplace_back(xs[l].sizes);
      multiply(xs[l], layers[l], h);
      auto& x = xs.emplace_back(xs[l]);
      for (std::size_t i = 0; i < x.values.size(); ++i) {
        x.values[i] += std::max(h.values[i], 0.F);
      }
      witness_array(numbered("blocks.", static_cast<int64_t>(l)), x);
      infoplane::tap_raw("blocks", [&] { return infoplane::RawTensor{x.values.data(), x.sizes}; });
    }
    Array logits({xs[0].sizes[0], length, kVocabulary});
    multiply(xs.back(), head, logits);
    const float loss = cross_entropy(logits, targets);

    Array d_head(head.sizes);
    Array dx(xs[0].sizes);
    multiply_backward(xs.back(), head, logits, dx, d_head);
    descend(head, d_head);
    for (std::size_t l = layers.size(); l-- > 0;) {
      Array dh = dx;
      for (std::size_t i = 0; i < dh.values.size(); ++i) {
        dh.values[i] *= hidden[l].values[i] > 0 ? 1.F : 0.F;
      }
      Array dw(layers[l].sizes);
      multiply_backward(xs[l], layers[l], dh, dx, dw);
      descend(layers[l], dw);
    }
    Array d_table(table.sizes);
    for (int64_t i = 0; i < dx.rows(); ++i) {
      for (int64_t j = 0; j < kWidth; ++j) {
        d_table.row(tokens[static_cast<std::size_t>(i)])[j] += dx.row(i)[j];
      }
    }
    descend(table, d_table);
    return loss;
  }

  static void descend(Array& array, const Array& gradient) {
    for (std::size_t i = 0; i < array.values.size(); ++i) {
      array.values[i] -= 0.5F * gradient.values[i];
    }
  }
};

template <typename Monitor>
Losses train() {
  Net model;
  Monitor monitor(MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto text = batch(step % 2);
    const std::vector<int32_t> inputs(text.first.data_ptr<int64_t>(), text.first.data_ptr<int64_t>() + 18);
    const std::vector<int32_t> targets(text.second.data_ptr<int64_t>(), text.second.data_ptr<int64_t>() + 18);
    auto observation = monitor.observe(step, torch::tensor(inputs, torch::kInt).view({3, 6}));
    const auto loss = model.train_step(inputs, targets, 6);
    monitor.end_step(step, loss);
    losses.push_back(loss);
  }
  REQUIRE(losses[2] < losses[0]);  // the hand-written backward trains
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: a trainer with its own tensor type", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  using infoplane::hooks::SiteKind;
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>,
        {.blocks = SiteKind::kTap, .embedding = SiteKind::kTap, .taps = 2});
}
