// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cuda/fused_net.h"

#include <torch/nn.h>

#include "embed/error.h"

namespace embed::gpu {

namespace {

constexpr auto kNhwc = torch::MemoryFormat::ChannelsLast;

/// [N, C, H, W] → the same in channels-last memory. Libraries give it already; who promises that they will?
torch::Tensor conv(const torch::Tensor& input, const torch::Tensor& weight, std::int64_t stride) {
  // The stem's cells have their zeros in memory; all others pad by half their kernel.
  const std::int64_t padding = weight.size(2) == cells::kKernel ? 0 : weight.size(2) / 2;
  return torch::conv2d(input, weight, {}, stride, padding).contiguous(kNhwc);
}

}  // namespace

torch::ScalarType tensor_type(Number number) {
  switch (number) {
    case Number::BF16:
      return torch::kBFloat16;
    case Number::F16:
      return torch::kFloat16;
    case Number::F32:
      break;
  }
  return torch::kFloat32;
}

Number number_of(torch::ScalarType type) {
  for (const Number number : {Number::F32, Number::BF16, Number::F16}) {
    if (tensor_type(number) == type) return number;
  }
  throw Error(ErrorCode::Unsupported, std::string("no kernels for tensors of type ") + torch::toString(type));
}

FusedNet::FusedNet(const cpu::NetParameters& parameters, const InputSpec& input, torch::Device device,
                   Number number)
    : device_(device),
      number_(number),
      height_(input.height),
      width_(input.width),
      channels_(input.channels),
      head_(parameters.head) {
  input_ = {floats(parameters.input_scale), floats(parameters.input_shift)};
  stem_ = stem_weights(parameters.stem);
  stem_bias_ = floats(parameters.stem_shift);
  for (const cpu::BlockParameters& block : parameters.blocks) {
    Block& made = blocks_.emplace_back();
    made.before = affine(block.before);
    made.first = weights(block.first, block.middle.scale);
    made.second = weights(block.second);
    if (!block.shortcut.values.empty()) made.shortcut = weights(block.shortcut);
    made.bias = floats(block.middle.shift);
    made.cudnn_bias = made.bias.to(tensor_type(number));
    made.stride = block.first.stride;
  }
  last_ = affine(parameters.last);
  dense_weight_ = floats(parameters.dense_weight);
  dense_bias_ = floats(parameters.dense_bias);
}

torch::Tensor FusedNet::floats(const std::vector<float>& values) const {
  return torch::tensor(values, torch::kFloat32).to(device_);
}

FusedNet::Affine FusedNet::affine(const cpu::BatchNorm& norm) const {
  return {floats(norm.scale), floats(norm.shift)};
}

torch::Tensor FusedNet::weights(const cpu::ConvWeights& conv, const std::vector<float>& scale) const {
  torch::Tensor values =
      torch::tensor(conv.values, torch::kFloat32).view({conv.out, conv.in, conv.kernel, conv.kernel});
  if (!scale.empty()) values *= torch::tensor(scale, torch::kFloat32).view({-1, 1, 1, 1});
  return values.to(device_, tensor_type(number_)).contiguous(kNhwc);
}

/// 7×7 with stride 2 → 4×4 over cells. With two cells before the picture, output i reads the pixels of cells
/// i − 2 to i + 1: 2i − 4 to 2i + 3, of which the first is not the convolution's.
torch::Tensor FusedNet::stem_weights(const cpu::ConvWeights& stem) const {
  torch::Tensor padded = torch::constant_pad_nd(
      torch::tensor(stem.values, torch::kFloat32).view({stem.out, stem.in, 7, 7}), {1, 0, 1, 0});
  // [out, in, cell row, row in it, cell column, column in it] → [out, (row, column, in), cell row, cell
  // column]
  torch::Tensor cells_first = padded.view({stem.out, stem.in, cells::kKernel, 2, cells::kKernel, 2})
                                  .permute({0, 3, 5, 1, 2, 4})
                                  .reshape({stem.out, 4 * stem.in, cells::kKernel, cells::kKernel});
  const std::int64_t filled = cells::channels(channels_) - 4 * stem.in;
  return torch::constant_pad_nd(cells_first, {0, 0, 0, 0, 0, filled})
      .to(device_, tensor_type(number_))
      .contiguous(kNhwc);
}

torch::Tensor FusedNet::make_cells(std::int64_t batch) const {
  return torch::zeros({batch, cells::stored(height_), cells::stored(width_), cells::channels(channels_)},
                      torch::TensorOptions().device(device_).dtype(tensor_type(number_)));
}

CellGrid FusedNet::grid(const torch::Tensor& cells) const {
  CellGrid grid;
  grid.values = cells.data_ptr();
  grid.number = number_;
  grid.height = height_;
  grid.width = width_;
  grid.channels = channels_;
  grid.scale = input_.scale.data_ptr<float>();
  grid.shift = input_.shift.data_ptr<float>();
  return grid;
}

Extent FusedNet::extent(const torch::Tensor& tensor) const {
  return {number_, tensor.numel() / tensor.size(1), static_cast<int>(tensor.size(1))};
}

template <typename Step>
void FusedNet::run(const Step& step, Stream stream) const {
#ifdef EMBED_HAVE_CUDA
  if (device_.is_cuda()) return launch(step, stream);
#endif
  (void)stream;
  on_cpu::run(step);
}

/// relu(conv(active) + bias)
torch::Tensor FusedNet::first_half(const Block& block, const torch::Tensor& active,
                                   const torch::Tensor& carried, Relu relu, Stream stream) const {
#ifdef EMBED_HAVE_CUDA
  if (relu == Relu::Cudnn) {
    const std::int64_t padding = block.first.size(2) / 2;
    // cuDNN adds 0 · something of the result's shape. LibTorch's convolution without that operand gives it
    // the result's own memory, where a NaN may lie, and 0 · NaN is one.
    return at::cudnn_convolution_add_relu(active, block.first, carried, 0, block.cudnn_bias,
                                          {block.stride, block.stride}, {padding, padding}, {1, 1}, 1)
        .contiguous(kNhwc);
  }
#endif
  (void)relu;
  (void)carried;
  torch::Tensor middle = conv(active, block.first, block.stride);
  run(BiasRelu{extent(middle), middle.data_ptr(), block.bias.data_ptr<float>()}, stream);
  return middle;
}

void FusedNet::forward(const torch::Tensor& cells, torch::Tensor& out, Relu relu, Stream stream) const {
  const auto count = static_cast<int>(cells.size(0));
  const torch::Tensor stem = conv(cells.permute({0, 3, 1, 2}), stem_, 1);
  const auto rows = static_cast<int>(stem.size(2)), columns = static_cast<int>(stem.size(3));
  torch::Tensor raw = torch::empty({count, stem.size(1), (rows + 1) / 2, (columns + 1) / 2},
                                   stem.options().memory_format(kNhwc));
  torch::Tensor active = torch::empty_like(raw);
  const Affine& first = blocks_.front().before;
  run(StemPool{number_, stem.data_ptr(), count, rows, columns, static_cast<int>(stem.size(1)),
               stem_bias_.data_ptr<float>(), first.scale.data_ptr<float>(), first.shift.data_ptr<float>(),
               raw.data_ptr(), active.data_ptr()},
      stream);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    const torch::Tensor carried = block.shortcut.defined() ? conv(active, block.shortcut, block.stride) : raw;
    const torch::Tensor middle = first_half(block, active, carried, relu, stream);
    const torch::Tensor values = conv(middle, block.second, 1);
    if (i + 1 == blocks_.size()) {
      run(Tail{number_, values.data_ptr(), carried.data_ptr(), count,
               static_cast<int>(values.size(2) * values.size(3)), last_.scale.data_ptr<float>(),
               last_.shift.data_ptr<float>(), dense_weight_.data_ptr<float>(), dense_bias_.data_ptr<float>(),
               head_, out.data_ptr<float>()},
          stream);
      return;
    }
    // A block with a shortcut of its own wants the activations alone: they take the sum's place.
    const Block& next = blocks_[i + 1];
    active = next.shortcut.defined() ? values : torch::empty_like(values);
    run(AddAffineRelu{extent(values), values.data_ptr(), carried.data_ptr(),
                      next.before.scale.data_ptr<float>(), next.before.shift.data_ptr<float>(),
                      next.shortcut.defined() ? nullptr : values.data_ptr(), active.data_ptr()},
        stream);
    raw = values;
  }
}

}  // namespace embed::gpu
