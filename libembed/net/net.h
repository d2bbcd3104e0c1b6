// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "embed/embedding.h"
#include "embed/image_view.h"

namespace embed {

/// A network that was laid out for one device: what Embedder calls, whoever computes. One call at a time, but
/// for forward_alone.
class Net {
 public:
  virtual ~Net() = default;

  /// What computes, as Embedder::backend() says it.
  virtual const char* name() const noexcept = 0;

  /// Whether forward() takes any number of crops, not only as many as a pass has.
  virtual bool splits() const noexcept { return false; }

  /// `crops`: [count, height, width, channels] uint8 → `out`: [count]. Throws Error(Device | OutOfMemory).
  virtual void forward(const std::uint8_t* crops, std::size_t count, Embedding* out) = 0;

  /// Threads that can each work on a pass of their own; 1 where all work on one pass together.
  virtual std::size_t lanes() const noexcept { return 1; }

  /// As forward(), on the calling thread alone: calls for different lanes may run beside each other, and give
  /// the same bits. For more than one lane.
  virtual void forward_alone(std::size_t lane, const std::uint8_t* crops, std::size_t count, Embedding* out);

  /// Whether the network's own device cuts the faces out of this image.
  virtual bool cuts(const ImageView& image) const noexcept;

  /// For an image that the network cuts: its regions → `out`: [regions.size()]. Throws as crop_face and
  /// forward().
  virtual void forward_regions(const ImageView& image, const std::vector<FaceRegion>& regions,
                               Embedding* out);
};

inline void Net::forward_alone(std::size_t /*lane*/, const std::uint8_t* crops, std::size_t count,
                               Embedding* out) {
  forward(crops, count, out);
}
inline bool Net::cuts(const ImageView& /*image*/) const noexcept {
  return false;
}
inline void Net::forward_regions(const ImageView& /*image*/, const std::vector<FaceRegion>& /*regions*/,
                                 Embedding* /*out*/) {}

}  // namespace embed
