// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/cpu_net.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

namespace embed::cpu {

namespace {

constexpr std::int64_t kStemChannels = 64, kStemBorder = 3;
/// For Winograd's tiles of 4.
std::int64_t slack(const Kernels& kernels) noexcept {
  return kernels.winograd != nullptr ? 3 : 0;
}

// 8-bit activations reach to this many standard deviations above their mean; what lies beyond saturates.
constexpr float kDeviations = 6;

/// The stem's input has both signs and three channels: nothing for 8-bit numbers.
const Kernels* stem_kernels(const Kernels& body) noexcept {
  if (body.number != Number::U8) return &body;
  const Kernels* bf16 = kernels_for(Number::BF16);
  return bf16 != nullptr ? bf16 : kernels_for(Number::F32);
}

/// [begin, end) of `total` for one of `count`.
struct Range {
  std::int64_t begin, end;
  Range(std::int64_t total, int index, int count)
      : begin(total * index / count), end(total * (index + 1) / count) {}
};

}  // namespace

CpuNet::CpuNet(const NetParameters& parameters, const InputSpec& input, const Kernels& kernels,
               std::size_t batch, int threads, std::vector<int> cpus)
    : body_(&kernels),
      stem_kernels_(stem_kernels(*body_)),
      input_(input),
      stem_shift_(parameters.stem_shift),
      last_scale_(parameters.last.scale),
      last_shift_(parameters.last.shift),
      dense_weight_(parameters.dense_weight),
      dense_bias_(parameters.dense_bias),
      head_(parameters.head),
      team_(threads, std::move(cpus)) {
  const auto size = static_cast<std::size_t>(team_.size());
  group_ = std::clamp<std::size_t>((batch + size - 1) / size, 1, static_cast<std::size_t>(kernels.images));
  input_plane_ = {input.height, input.width, input.channels, kStemBorder, size_of(stem_kernels_->number)};
  for (int i = 0; i < input.width * input.channels; ++i) {
    const auto channel = static_cast<std::size_t>(i % input.channels);
    row_scale_.push_back(parameters.input_scale[channel]);
    row_shift_.push_back(parameters.input_shift[channel]);
  }
  Arena arena;
  stem_ = ConvLayer(*stem_kernels_, parameters.stem, {}, input_plane_, arena, /*whole_rows=*/true);
  stem_height_ = halved(input.height);
  stem_width_ = halved(input.width);
  lay_out_blocks(parameters, arena);
  for (std::size_t i = 0; i < size; ++i) workspaces_.push_back(workspace(group_, arena));
}

/// The batch norm in front of a ReLU, so that its result comes out in the kernels' numbers.
CpuNet::Affine CpuNet::affine(const BatchNorm& norm) const {
  Affine result{norm.scale, norm.shift, {}};
  if (body_->number != Number::U8) return result;
  // The statistics that came with training say how far each channel reaches: no pictures are needed to
  // find the range (Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction",
  // 2019). A unit for each channel costs nothing: the next convolution's weights take it in.
  std::vector<float> reach;
  float farthest = 0;
  for (std::size_t c = 0; c < norm.mean.size(); ++c) {
    reach.push_back(norm.mean[c] + kDeviations * norm.deviation[c]);
    farthest = std::max(farthest, reach.back());
  }
  for (std::size_t c = 0; c < reach.size(); ++c) {
    // A channel that is never above zero has no reach of its own.
    const float unit = std::max({reach[c], farthest * 1e-3F, 1e-6F}) / 255;
    result.unit.push_back(unit);
    result.scale[c] /= unit;
    result.shift[c] /= unit;
  }
  return result;
}

void CpuNet::lay_out_blocks(const NetParameters& parameters, Arena& arena) {
  std::int64_t height = halved(stem_height_), width = halved(stem_width_);
  Affine before = first_ = affine(parameters.blocks.front().before);
  Plane input{height, width, kStemChannels, 1, size_of(body_->number), slack(*body_)};
  for (std::size_t b = 0; b < parameters.blocks.size(); ++b) {
    const BlockParameters& from = parameters.blocks[b];
    if (from.first.stride == 2) {
      height = halved(height);
      width = halved(width);
    }
    const Plane plane{height, width, from.first.out, 1, size_of(body_->number), slack(*body_)};
    Block block;
    block.first = ConvLayer(*body_, from.first, before.unit, input, arena);
    block.middle = affine(from.middle);
    block.has_shortcut = !from.shortcut.values.empty();
    if (block.has_shortcut) block.shortcut = ConvLayer(*body_, from.shortcut, before.unit, input, arena);
    block.second = ConvLayer(*body_, from.second, block.middle.unit, plane, arena);
    if (b + 1 < parameters.blocks.size()) before = block.after = affine(parameters.blocks[b + 1].before);
    blocks_.push_back(std::move(block));
    planes_[b / 2] = input = plane;
  }
  for (const Plane& plane : planes_) pixels_at_.push_back(plane.all_pixels());
}

/// The first two stages' pictures are large and their weights small: one picture at a time stays in the
/// cache.
std::size_t CpuNet::images_at_once(std::size_t stage, std::size_t group) const noexcept {
  return stage < 2 ? 1 : group;
}

CpuNet::Workspace CpuNet::workspace(std::size_t images, Arena& arena) const {
  Workspace result;
  const auto buffer = [&](std::size_t size) { return AlignedBuffer(size, arena); };
  const auto pictures = [&](std::size_t size) {
    AlignedBuffer planes(size, arena);
    // Zeros of the padding already.
    if (body_->centred) std::memset(planes.bytes(), zero_byte(*body_), size);
    return planes;
  };
  result.input = buffer(static_cast<std::size_t>(input_plane_.image_bytes()));
  result.stem = buffer(static_cast<std::size_t>(4 * stem_width_ * kStemChannels) * sizeof(float));
  for (std::size_t s = 0; s < planes_.size(); ++s) {
    const auto image = static_cast<std::size_t>(planes_[s].image_bytes());
    const auto numbers = static_cast<std::size_t>(planes_[s].pixels() * planes_[s].channels);
    const std::size_t now = images_at_once(s, images);
    // What a stage leaves is the next one's input, for as many pictures as that one takes.
    const std::size_t next = s + 1 < planes_.size() ? images_at_once(s + 1, images) : now;
    result.stages[s] = {pictures(image * std::max(now, next)), pictures(image * now),
                        buffer(numbers * now * sizeof(float))};
  }
  std::size_t transformed = 0, filters = 0, products = 0;
  for (const Block& block : blocks_) {
    for (const ConvLayer* layer : {&block.first, &block.second}) {
      transformed = std::max(transformed, layer->transformed_bytes());
      filters = std::max(filters, layer->filter_bytes());
      products = std::max(products, layer->product_bytes());
    }
  }
  result.scratch = {buffer(transformed), buffer(filters), buffer(products)};
  result.pooled.resize(dense_weight_.size() / kEmbeddingDim);
  return result;
}

std::size_t CpuNet::crop_bytes() const noexcept {
  return static_cast<std::size_t>(input_.width) * static_cast<std::size_t>(input_.height) *
         static_cast<std::size_t>(input_.channels);
}

void CpuNet::forward_alone(std::size_t thread, const std::uint8_t* crops, std::size_t count,
                           Embedding* out) noexcept {
  const std::size_t bytes = crop_bytes();
  Workspace& own = workspaces_[thread];
  for (std::size_t i = 0; i < count; i += group_) {
    embed_group(crops + i * bytes, std::min(group_, count - i), out + i, own, own.stem,
                {static_cast<int>(thread), 0, 1, nullptr});
  }
}

void CpuNet::forward(const std::uint8_t* crops, std::size_t count, Embedding* out) noexcept {
  const std::size_t bytes = crop_bytes();
  const auto size = static_cast<std::size_t>(team_.size());
  // As many as divide among the threads go to them in groups; the rest is done by all together.
  const std::size_t dealt = count / size * size;
  const std::size_t group = std::clamp<std::size_t>(dealt / size, 1, group_);
  std::atomic<std::size_t> next{0};
  auto work = [&](int index) {
    Workspace& own = workspaces_[static_cast<std::size_t>(index)];
    for (std::size_t i = next.fetch_add(group); i < dealt; i = next.fetch_add(group)) {
      embed_group(crops + i * bytes, std::min(group, dealt - i), out + i, own, own.stem,
                  {index, 0, 1, nullptr});
    }
    if (dealt == count) return;
    const Share share{index, index, team_.size(), &team_};
    share.wait();  // The first thread's pictures make room.
    for (std::size_t i = dealt; i < count; ++i) {
      embed_group(crops + i * bytes, 1, out + i, workspaces_[0], own.stem, share);
    }
  };
  team_.run(work);
}

void CpuNet::embed_group(const std::uint8_t* crops, std::size_t count, Embedding* out, Workspace& shared,
                         AlignedBuffer& stem_rows, const Share& share) noexcept {
  const std::size_t bytes = crop_bytes();
  auto& stages = shared.stages;
  const auto handed_over = static_cast<std::size_t>(planes_[1].image_bytes());
  for (std::size_t i = 0; i < count; ++i) {
    stem(crops + i * bytes, shared, stem_rows, share);
    stage(0, stages[0].active.bytes(), stages[0].active.bytes(), 1, shared, share);
    stage(1, stages[0].active.bytes(), stages[1].active.bytes() + i * handed_over, 1, shared, share);
  }
  stage(2, stages[1].active.bytes(), stages[2].active.bytes(), count, shared, share);
  stage(3, stages[2].active.bytes(), nullptr, count, shared, share);
  const std::int64_t numbers = planes_[3].pixels() * planes_[3].channels;
  if (share.index == 0) {
    for (std::size_t i = 0; i < count; ++i) {
      finish(stages[3].raw.floats() + static_cast<std::int64_t>(i) * numbers, shared.pooled, out[i]);
    }
  }
  share.wait();
}

/// Bytes → input plane → convolution → pooling, a pooled row at a time: the convolution's rows are still in
/// the nearest cache when they are pooled, and are never stored whole.
void CpuNet::stem(const std::uint8_t* crop, Workspace& shared, AlignedBuffer& stem_rows,
                  const Share& share) const noexcept {
  const std::int64_t row = static_cast<std::int64_t>(row_scale_.size());
  const Range input_rows(input_.height, share.index, share.count);
  for (std::int64_t y = input_rows.begin; y < input_rows.end; ++y) {
    stem_kernels_->normalise(crop + y * row, row_scale_.data(), row_shift_.data(), row,
                             shared.input.bytes() + input_plane_.at(y, 0));
  }
  share.wait();
  const Plane& plane = planes_[0];
  const std::int64_t length = stem_width_ * kStemChannels;
  const auto slot = [&](std::int64_t y) { return stem_rows.floats() + y % 4 * length; };
  const Range rows(plane.height, share.index, share.count);
  if (rows.begin > 0 && rows.begin < rows.end) {
    this->stem_rows(shared.input.bytes(), 2 * rows.begin - 1, 2 * rows.begin, slot(2 * rows.begin - 1));
  }
  for (std::int64_t y = rows.begin; y < rows.end; ++y) {
    const std::int64_t last = std::min(2 * y + 2, stem_height_);
    this->stem_rows(shared.input.bytes(), 2 * y, last, slot(2 * y));
    PoolCall call{};
    call.rows[0] = y > 0 ? slot(2 * y - 1) : nullptr;
    call.rows[1] = slot(2 * y);
    call.rows[2] = last > 2 * y + 1 ? slot(2 * y + 1) : nullptr;
    call.width = stem_width_;
    call.out_width = plane.width;
    call.channels = kStemChannels;
    call.bias = stem_shift_.data();
    call.raw = shared.stages[0].raw.floats() + y * plane.width * kStemChannels;
    call.scale = first_.scale.data();
    call.shift = first_.shift.data();
    call.active = shared.stages[0].active.bytes() + plane.at(y, 0);
    body_->pool(call);
  }
  share.wait();
}

void CpuNet::stem_rows(const std::uint8_t* input, std::int64_t first, std::int64_t last,
                       float* rows) const noexcept {
  ConvOutput to{};
  to.raw = rows;
  stem_.compute_rows(input, first, last, to);
}

/// Two blocks. `input`: planes that hold the first batch norm and ReLU already; `output`: where the next
/// stage's are to go, null after the last.
void CpuNet::stage(std::size_t index, const std::uint8_t* input, std::uint8_t* output, std::size_t images,
                   const Workspace& shared, const Share& share) noexcept {
  const StageBuffers& buffers = shared.stages[index];
  const Plane& plane = planes_[index];
  const auto count = static_cast<std::int64_t>(images);
  ConvScratch& scratch = workspaces_[static_cast<std::size_t>(share.thread)].scratch;
  const auto into = [&](std::uint8_t* active, const Affine& how) {
    ConvOutput to{};
    to.active = active;
    to.active_image = plane.image_bytes();
    to.active_at = pixels_at_[index].data();
    to.scale = how.scale.data();
    to.shift = how.shift.data();
    return to;
  };
  std::uint8_t* between = output != nullptr ? output : buffers.active.bytes();
  for (std::size_t b = 0; b < 2; ++b) {
    const Block& block = blocks_[2 * index + b];
    block.first.compute(b == 0 ? input : between, count, into(buffers.middle.bytes(), block.middle),
                        share.conv(), scratch);
    ConvOutput sum{};
    sum.raw = buffers.raw.floats();
    if (block.has_shortcut) block.shortcut.compute(input, count, sum, share.conv(), scratch);
    share.wait();
    std::uint8_t* active = b == 0 ? between : output;
    if (active != nullptr) sum = into(active, block.after);
    sum.raw = buffers.raw.floats();
    sum.add_raw = true;
    block.second.compute(buffers.middle.bytes(), count, sum, share.conv(), scratch);
    share.wait();
  }
}

/// Batch norm and ReLU, the mean over the pixels, the dense layer and the head.
void CpuNet::finish(const float* raw, std::vector<float>& pooled, Embedding& out) const noexcept {
  FinishCall call{};
  call.raw = raw;
  call.pixels = planes_[3].pixels();
  call.channels = static_cast<std::int64_t>(pooled.size());
  call.outputs = static_cast<std::int64_t>(kEmbeddingDim);
  call.scale = last_scale_.data();
  call.shift = last_shift_.data();
  call.weights = dense_weight_.data();
  call.bias = dense_bias_.data();
  call.mean = pooled.data();
  call.out = out.data();
  body_->finish(call);
  if (head_ == Head::Sigmoid) {
    for (float& value : out) value = 1 / (1 + std::exp(-value));
  } else if (head_ == Head::L2) {
    double square = 0;
    for (const float value : out) square += static_cast<double>(value) * value;
    // As LibTorch's normalize: no division by nothing.
    const auto norm = static_cast<float>(std::max(std::sqrt(square), 1e-12));
    for (float& value : out) value /= norm;
  }
}

}  // namespace embed::cpu
