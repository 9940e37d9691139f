#pragma once

#include <ATen/core/Tensor.h>

#include <infoplane/hooks/site.hpp>
#include <string_view>
#include <utility>

namespace infoplane::hooks {

namespace detail {
/// Number of scopes that are open on this thread.
extern thread_local constinit int listeners;
/// Hands `tensor` to each open scope of this thread; never throws, the scopes keep what a capture throws.
void fire_tap(std::string_view name, const at::Tensor& tensor, SiteKind kind = SiteKind::kTap,
              const at::Tensor& positions = {}) noexcept;
}  // namespace detail

/// Hands `x` to the observed scopes of this thread as the site `name`, and returns it as it is. Outside a scope it
/// costs one branch. Put it where the block ends: `x = infoplane::tap("blocks.3", x);`
///
/// A name whose last component is no number ("blocks", "encoder1.blocks", "gpt2") numbers itself by the order of calls
/// in the scope: "blocks.0", "blocks.1", …; "embedding" does not, nor does a name that the watched tree has for a site
/// ("block3"). The numbers begin anew where the model's forward does (its embedding is used again, or its head was;
/// where nothing is registered and nothing embedded, its first norm), and at another tap of "embedding", so that a
/// second forward in the scope adds no sites. A watcher without a module sees the taps of "embedding" only. If a norm
/// sees the same site, the tap, which comes first, counts.
///
/// Beside a watched tree the site of a tap is told by its tensor: that of a watched site is this site, whatever the tap
/// is called, under the name that the tree has for it ("layers.0", not "blocks.0"). Any other tensor is a site of its
/// own, and no block's output.
inline const at::Tensor& tap(std::string_view name, const at::Tensor& x) {
  if (detail::listeners != 0) [[unlikely]] {
    detail::fire_tap(name, x);
  }
  return x;
}

inline at::Tensor tap(std::string_view name, at::Tensor&& x) {
  if (detail::listeners != 0) [[unlikely]] {
    detail::fire_tap(name, x);
  }
  return std::move(x);
}

/// Likewise of rows [N, d] that are some of the tokens in an order of their own, as an expert of a mixture gets them:
/// `infoplane::tap("blocks.3.experts", z, rows);`. `positions`, int64 (or int32) [N] on any device, has of each row its
/// place in the flattened tokens; a token may come several times. Such a tap is a site of its own, never taken for the
/// stream of a watched one, unless it has its very name.
inline const at::Tensor& tap(std::string_view name, const at::Tensor& x, const at::Tensor& positions) {
  if (detail::listeners != 0) [[unlikely]] {
    detail::fire_tap(name, x, SiteKind::kTap, positions);
  }
  return x;
}

inline at::Tensor tap(std::string_view name, at::Tensor&& x, const at::Tensor& positions) {
  if (detail::listeners != 0) [[unlikely]] {
    detail::fire_tap(name, x, SiteKind::kTap, positions);
  }
  return std::move(x);
}

}  // namespace infoplane::hooks

namespace infoplane {
using hooks::tap;
}  // namespace infoplane
