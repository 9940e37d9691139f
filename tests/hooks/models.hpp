#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace infoplane::testing {

/// A small trainer's model, written in one of the manners of public trainers. None of them knows infoplane.
class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  virtual ~Model() = default;

  virtual const torch::nn::Module& module() const = 0;
  virtual at::Tensor forward(const at::Tensor& tokens) = 0;
  /// Something that the test asks of this model: "replace norm", "bf16", "eval", "freeze", "drop block 1".
  virtual void change(const std::string& what);

  std::vector<at::Tensor> parameters() const;

  /// What the streams were in the last forward: embedding, then each block's output; copies, made if `record`.
  std::vector<std::pair<std::string, at::Tensor>> truth;
  bool record = false;

 protected:
  void note(const std::string& name, const at::Tensor& stream);
};

constexpr int kVocabulary = 19;
constexpr int kWidth = 8;

struct GptOptions {
  int layers = 3;
  double dropout = 0;
  bool final_norm = true;
  bool tied_head = false;
  bool checkpoint = false;  ///< recompute each block in the backward, with an autograd function
};

std::unique_ptr<Model> make_gpt(const GptOptions& options = {});  ///< vector of shared_ptr, "blocks.0"
std::unique_ptr<Model> make_sequential();          ///< one Sequential of embedding, blocks, norm and head: "net.1"
std::unique_ptr<Model> make_module_list();         ///< ModuleList and as<Block>(), "transformer.h.0"
std::unique_ptr<Model> make_numbered();            ///< registered as "block0", "block1", in reversed order
std::unique_ptr<Model> make_post_norm();           ///< (T, B, C), norms behind the additions, head without norm
std::unique_ptr<Model> make_numbered_post_norm();  ///< the same, registered as "block2", "block1", "block0"
std::unique_ptr<Model> make_time_first();          ///< (T, B, C), norms before the additions, head reads a transpose
std::unique_ptr<Model> make_weightless_norm(bool rms);  ///< pre-norm, no norm has a weight
std::unique_ptr<Model> make_encoder();                  ///< torch::nn::TransformerEncoder, post-norm
std::unique_ptr<Model> make_rms_norm(bool fused);       ///< Llama-like, own RMSNorm or torch::rms_norm
std::unique_ptr<Model> make_shared_block();             ///< one block, applied three times
std::unique_ptr<Model> make_shared_norm();              ///< the blocks share their first norm
std::unique_ptr<Model> make_reordered_norm();           ///< OLMo 2: norms behind attention and MLP, before the addition
std::unique_ptr<Model> make_bare_blocks();              ///< only blocks: nothing embeds, nothing follows
std::unique_ptr<Model> make_unregistered(bool taps = false);  ///< nothing is registered, taps "blocks" if asked
std::unique_ptr<Model> make_lora();                           ///< frozen linears wrapped with adapters

/// Tokens [batch, length], the same for the same seed, without touching the global generator.
at::Tensor make_tokens(int batch = 2, int length = 5, int seed = 1);

/// Cross-entropy of next tokens, mean.
at::Tensor loss_of(const at::Tensor& logits, const at::Tensor& tokens);

/// AdamW of LibTorch behind a small face, or Adam with the decay in the gradient.
class Optimizer {
 public:
  explicit Optimizer(const Model& model, double coupled_decay = 0);
  ~Optimizer();
  void step(const at::Tensor& loss);  ///< zero, backward, step

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace infoplane::testing
