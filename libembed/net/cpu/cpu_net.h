// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "embed/embedding.h"
#include "embed/model_info.h"
#include "net/cpu/aligned_buffer.h"
#include "net/cpu/conv_layer.h"
#include "net/cpu/net_parameters.h"
#include "net/cpu/thread_team.h"
#include "net/net.h"

namespace embed::cpu {

/// ResNet18-v2 on the CPU with kernels of our own. Everything is laid out and allocated at creation; a pass
/// allocates nothing, and each convolution writes what the next one reads: its residual, batch norm and ReLU
/// are done on the sums while they are in registers.
///
/// A batch is dealt out to the threads a few pictures at a time. Pictures that are too few for that are
/// worked on by all threads together, layer by layer.
class CpuNet : public Net {
 public:
  /// `batch`: pictures that a pass has at most. `threads`: at least 1; those that it makes run on `cpus` (as
  /// ThreadTeam's). `kernels`: of this machine (kernels_for); with 8-bit ones the stem takes those of another
  /// number.
  CpuNet(const NetParameters& parameters, const InputSpec& input, const Kernels& kernels, std::size_t batch,
         int threads, std::vector<int> cpus = {});

  /// [count, height, width, channels] uint8 → [count]. One call at a time.
  void forward(const std::uint8_t* crops, std::size_t count, Embedding* out) noexcept override;

  /// The same on the calling thread alone, with the workspace of one of the threads: calls for different ones
  /// may run beside each other, and give the same bits as forward().
  void forward_alone(std::size_t thread, const std::uint8_t* crops, std::size_t count,
                     Embedding* out) noexcept override;

  std::size_t lanes() const noexcept override { return static_cast<std::size_t>(team_.size()); }
  const char* name() const noexcept override { return body_->name; }

 private:
  struct Affine {
    std::vector<float> scale, shift;  // [C], to the kernels' numbers.
    std::vector<float> unit;          // [C] what 1 of those numbers is worth; empty: 1.
  };
  struct Block {
    ConvLayer first, second, shortcut;
    bool has_shortcut = false;
    Affine middle, after;  // After the second convolution: the next block's first batch norm.
  };
  /// The pictures between the layers of a stage, for as many pictures as are worked on at once.
  struct StageBuffers {
    AlignedBuffer active, middle;  // [images] planes.
    AlignedBuffer raw;             // [images][pixels][channels] float32: what the blocks add to.
  };
  struct Workspace {
    AlignedBuffer input;  // One plane.
    AlignedBuffer stem;   // Four rows of the stem's sums.
    std::array<StageBuffers, 4> stages;
    std::vector<float> pooled;  // [512]
    ConvScratch scratch;
  };
  /// Who takes part in a layer: member `index` of `count`, on a thread of the team.
  struct Share {
    int thread, index, count;
    ThreadTeam* team;
    ConvShare conv() const noexcept { return {index, count}; }
    void wait() const {
      if (count > 1) team->barrier();
    }
  };

  Affine affine(const BatchNorm& norm) const;
  void lay_out_blocks(const NetParameters& parameters, Arena& arena);
  Workspace workspace(std::size_t images, Arena& arena) const;
  std::size_t crop_bytes() const noexcept;
  std::size_t images_at_once(std::size_t stage, std::size_t group) const noexcept;

  void embed_group(const std::uint8_t* crops, std::size_t count, Embedding* out, Workspace& shared,
                   AlignedBuffer& stem_rows, const Share& share) noexcept;
  void stem(const std::uint8_t* crop, Workspace& shared, AlignedBuffer& stem_rows,
            const Share& share) const noexcept;
  void stem_rows(const std::uint8_t* input, std::int64_t first, std::int64_t last,
                 float* rows) const noexcept;
  void stage(std::size_t index, const std::uint8_t* input, std::uint8_t* output, std::size_t images,
             const Workspace& shared, const Share& share) noexcept;
  void finish(const float* raw, std::vector<float>& pooled, Embedding& out) const noexcept;

  const Kernels* body_;
  const Kernels* stem_kernels_;
  InputSpec input_;
  std::size_t group_;  // Pictures that a thread takes at a time.
  Plane input_plane_;
  std::array<Plane, 4> planes_;  // After the pooling, and between the layers of each stage.
  std::int64_t stem_width_ = 0, stem_height_ = 0;
  std::vector<float> row_scale_, row_shift_;  // [width · channels] of the input's normalisation.
  ConvLayer stem_;
  std::vector<float> stem_shift_;
  Affine first_;  // The first block's first batch norm.
  std::vector<Block> blocks_;
  std::vector<std::vector<std::ptrdiff_t>> pixels_at_;  // Of each plane.
  std::vector<float> last_scale_, last_shift_, dense_weight_, dense_bias_;
  Head head_;
  ThreadTeam team_;
  std::vector<Workspace> workspaces_;  // One for each thread.
};

}  // namespace embed::cpu
