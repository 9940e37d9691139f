#pragma once

#include <infoplane/core/option.hpp>
#include <infoplane/hooks/scope.hpp>
#include <infoplane/hooks/site.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}  // namespace torch::nn
namespace torch::jit {
struct Module;
}  // namespace torch::jit

namespace infoplane::hooks {

/// What a `Watcher` captures.
struct WatchOptions {
  /// What to capture: "auto" (the embedding, the output of each block, and what is tapped), or patterns.
  ///
  /// A pattern has to match the whole of a name that `Watcher::describe` prints: that of a site ("h.3", "embedding",
  /// the name of a tap), or its alias by order ("blocks.3" whatever the model calls its blocks). `*` stands for any
  /// text, dots too, and `?` for one character: "*decoder*", "transformer.*".
  ///
  /// A pattern that matches no such name is one of norms: it names the streams that enter them, by their paths
  /// ("blocks.*.ln2"). Paths are matched by components: there `*` stays inside one, and `**` stands for any number of
  /// them. A pattern with `**` is one of norms too.
  INFOPLANE_ARG(std::vector<std::string>, sites) = {"auto"};
  /// Which modules are the blocks: a pattern of their paths, by components as for norms, such as "stages.*.layers.*"
  /// (of modules inside one another the outer ones). Empty: the outermost children whose names differ in their number
  /// only and which hold more than one matrix, whatever their norms are called; one at either end to which nothing is
  /// added, such as a head in one Sequential with the blocks, turns out to be none in the first observed forward.
  INFOPLANE_ARG(std::string, blocks);
};

/// Captures the residual stream of a LibTorch model whose code knows nothing of it, at the norms (and, where a block
/// or the head begins with none, at another operator that has the stream).
///
/// The tree of modules says which blocks there are; the first observed forward says in which order they run and which
/// tensors are the streams between them, so all blocks must run in it. A tensor is taken for the stream that enters a
/// block where a residual addition of the block has it, x + f(x) in any form (scaled, masked, gated, in place), and
/// where it is what the block before made of its own stream; in a block that adds nothing, where it is the one tensor
/// that the block was handed. A condition, a memory or a value of another layer is neither. What is not shown so has no
/// site, and `verify` says so. What a tap hands over under another name is the site whose tensor it is, if that is
/// watched.
///
/// Where a later forward drops a layer, the site that is read at its entry is missing from this scope, and the layer's
/// own output is what entered it. The model is never modified: parameters are recognised by identity, and a reference
/// to each is held. The module itself is borrowed, and read only by the constructor, `rescan` and `verify_sources`. In
/// the first forward a stream is held until its block is seen to add to it. Two watchers may observe at the same time,
/// on one model or on two. A watcher belongs to one thread at a time.
class Watcher {
 public:
  /// Watches taps only.
  explicit Watcher(WatchOptions options = {});

  /// Watches `root`, which may live on the stack.
  /// @throws ArgumentError if a pattern is empty or there is none, or if `options.blocks` matches no module
  explicit Watcher(const torch::nn::Module& root, WatchOptions options = {});

  /// Watches a TorchScript module, such as `torch::jit::load` gives; of the handle a copy is held. Its parameters and
  /// buffers are known by the names that they have in it. A script has no place for `tap`.
  /// @throws ArgumentError as above, or if the module is frozen: then its parameters are constants of its code
  explicit Watcher(const torch::jit::Module& root, WatchOptions options = {});

  /// Watches what a `shared_ptr`, `unique_ptr` or `ModuleHolder` points to.
  template <typename Pointer>
  requires requires(const Pointer& pointer) { static_cast<const torch::nn::Module&>(*pointer); }
  explicit Watcher(const Pointer& root, WatchOptions options = {})
      : Watcher(static_cast<const torch::nn::Module&>(*root), std::move(options)) {}

  Watcher(Watcher&&) noexcept;
  Watcher& operator=(Watcher&&) noexcept;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

  /// The embedding, then the blocks in order; where no blocks were found, the input of each fused norm in the order of
  /// calls ("norms.0", …, of index −2: which of them are block outputs is not known); other streams and taps after
  /// them, taps when first seen. Names stand from the construction on, but for modules that turn out to be no blocks;
  /// kind and source are sure after the first observed forward. Changed by scopes and `rescan`.
  const std::vector<Site>& sites() const;

  /// Captures until the returned scope ends, on this thread only.
  /// @throws StateError if a scope of this watcher is open (on any thread), in a capture, or if LibTorch's operator
  /// observers are switched off on this thread
  [[nodiscard]] Scope observe(Capture capture);

  /// The same, and follows `tokens`, a matrix of integers, from where the forward looks them up in an embedding,
  /// through operators that keep or exchange its two axes: for `axis_match`. They are recognised by their memory, or by
  /// their values, which may wait for their device. Costs a little for each operator, so not for every scope.
  /// @throws ShapeError if the tokens have another number of axes
  [[nodiscard]] Scope observe(Capture capture, const at::Tensor& tokens);

  /// Inside a capture: how the axes of its tensor lie to those of the tokens, if that is known; of a tensor [N, d], how
  /// its rows do.
  AxisMatch axis_match() const noexcept;

  /// Inside a capture: the positions that a tap gave beside its rows; undefined for any other tensor.
  const at::Tensor& positions() const noexcept;

  /// Reads the tree again, after a head was replaced or adapters were added. Forgets hits and what was learnt.
  /// @throws StateError while a scope is open, or if the watcher has no module
  void rescan();

  /// @throws SiteError with a line for each site that has not fired in any scope so far, where its tensor was looked
  /// for, and the line of `tap` that settles it; for each pattern that matched nothing; and with what else to do
  void verify() const;

  /// For sites that came before and come no longer: reads the tree as it is now, and tells a replaced norm or head
  /// from a layer that a forward dropped.
  /// @throws SiteError with a line for each site that is read at a parameter which the model no longer has
  void verify_sources() const;

  /// Throws, once, the exception that a capture threw in a scope which ended without `finish`.
  void rethrow_pending();

  /// A table of the blocks and sites that were found, with hits, operator and shape.
  std::string describe() const;

  /// The embeddings and the blocks of the tree, watched or not: what the patterns of sites can match.
  std::vector<std::string> names() const;

  /// Patterns that match neither a site nor a norm, so that only a tap could have such a name; none where the model has
  /// no known blocks, or there is no model.
  std::vector<std::string> unmatched_patterns() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A watcher of `root`: module, holder, pointer or TorchScript module.
template <typename Root>
Watcher watch(const Root& root, std::vector<std::string> sites = {"auto"}) {
  return Watcher(root, WatchOptions().sites(std::move(sites)));
}

}  // namespace infoplane::hooks

namespace infoplane {
using hooks::watch;
}  // namespace infoplane
