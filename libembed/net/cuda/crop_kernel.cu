// SPDX-License-Identifier: LGPL-2.1-or-later
// Faces out of a frame in one launch: crop_face, a tile of a crop at a time. A block first averages the frame
// over the cells that its tile touches, then reads its pixels out of them.
#include "net/cuda/cell_store.h"
#include "net/cuda/crop_step.h"
#include "net/cuda/kernel_language.h"

namespace embed::gpu {

namespace {

constexpr int kCropThreads = kTile * kTile, kHalf = 1 << 15;

/// One pixel as colours in the crop's order (C = 3) or grey (C = 1), in 8 bits, above black.
template <int C>
__device__ void read_packed(const Frame& frame, int x, int y, int (&out)[C]) {
  const std::uint8_t* pixel =
      frame.planes[0] + y * frame.strides[0] + static_cast<std::int64_t>(x) * frame.pixel_bytes;
  const int first = pixel[frame.first], last = pixel[frame.last];
  const int green = frame.pixel_bytes == 1 ? first : pixel[1];
  if constexpr (C == 3) {
    out[0] = first - frame.black, out[1] = green - frame.black, out[2] = last - frame.black;
  } else {
    // BT.601 luma, whose three weights add up to exactly one.
    constexpr int kRed = 19595, kBlue = 7471, kGreen = (1 << 16) - kRed - kBlue;
    out[0] = ((kRed * first + kGreen * green + kBlue * last + kHalf) >> 16) - frame.black;
  }
}

/// One pixel's luma above black and, for colours (C = 3), its chroma.
template <int C>
__device__ void read_yuv(const Frame& frame, int x, int y, int (&out)[C]) {
  if (frame.layout == Frame::Layout::Pairs) {
    const std::uint8_t* pair = frame.planes[0] + y * frame.strides[0] + x / 2 * 4;
    out[0] = pair[frame.luma + x % 2 * 2] - frame.black;
    if constexpr (C == 3) out[1] = pair[frame.u] - 128, out[2] = pair[frame.v] - 128;
    return;
  }
  out[0] = frame.planes[0][y * frame.strides[0] + x] - frame.black;
  if constexpr (C == 3) {
    const bool interleaved = frame.layout == Frame::Layout::Nv12;
    const int column = interleaved ? x / 2 * 2 : x / 2;
    const std::uint8_t* u_row = frame.planes[1] + y / 2 * frame.strides[1];
    const std::uint8_t* v_row = interleaved ? u_row + 1 : frame.planes[2] + y / 2 * frame.strides[2];
    out[1] = u_row[column] - 128, out[2] = v_row[column] - 128;
  }
}

__device__ float clamp_level(float value) {
  return fminf(fmaxf(value, 0.0F), 255.0F);
}

/// What the mean of YUV is in colours or grey.
template <int C>
__device__ void to_colours(const Frame& frame, float* mean) {
  const float level = mean[0] * frame.luma_gain;
  if constexpr (C == 1) {
    mean[0] = clamp_level(level);
  } else {
    const float u = mean[1], v = mean[2];
    mean[0] = clamp_level(level + frame.u_to_first * u + frame.v_to_first * v);
    mean[1] = clamp_level(level + frame.u_to_green * u + frame.v_to_green * v);
    mean[2] = clamp_level(level + frame.u_to_last * u + frame.v_to_last * v);
  }
}

/// The mean of a cell; what lies outside the window counts as black.
template <int C>
__device__ void average(const Frame& frame, const FaceCrop& face, int column, int row, float* mean) {
  const int left = column * face.cell_x, top = row * face.cell_y;
  const int x0 = max(left, face.x0), x1 = min(left + face.cell_x, face.x1);
  const int y0 = max(top, face.y0), y1 = min(top + face.cell_y, face.y1);
  const bool packed = frame.layout == Frame::Layout::Packed;
  int sums[C] = {};
  for (int y = y0; y < y1; ++y) {
    for (int x = x0; x < x1; ++x) {
      int pixel[C];
      if (packed) {
        read_packed<C>(frame, x, y, pixel);
      } else {
        read_yuv<C>(frame, x, y, pixel);
      }
      for (int c = 0; c < C; ++c) sums[c] += pixel[c];
    }
  }
  const float share = 1.0F / (static_cast<float>(face.cell_x) * static_cast<float>(face.cell_y));
  for (int c = 0; c < C; ++c) mean[c] = static_cast<float>(sums[c]) * share;
  if (packed) {
    for (int c = 0; c < C; ++c) mean[c] = clamp_level(mean[c] * frame.luma_gain);
  } else {
    to_colours<C>(frame, mean);
  }
}

/// A part of the grid of cells, and where in it a tile's upper left corner is.
struct Box {
  int column, row, columns, rows;
  float corner_x, corner_y;
};

/// The cells that the taps of a tile at (x, y), in crop pixels from the centre, can read.
__device__ Box cells_of(const FaceCrop& face, double x, double y) {
  constexpr double kRoom = 1e-3, kHalfTile = kTile / 2.0;
  const double half_x = kHalfTile * (fabs(face.a) + fabs(face.b)) + kRoom;
  const double half_y = kHalfTile * (fabs(face.d) + fabs(face.e)) + kRoom;
  const double corner_x = face.a * x + face.b * y + face.centre_x;
  const double corner_y = face.d * x + face.e * y + face.centre_y;
  const double centre_x = corner_x + kHalfTile * (face.a + face.b);
  const double centre_y = corner_y + kHalfTile * (face.d + face.e);
  Box box;
  box.column = static_cast<int>(floor(centre_x - half_x));
  box.row = static_cast<int>(floor(centre_y - half_y));
  box.columns = static_cast<int>(floor(centre_x + half_x)) + 2 - box.column;
  box.rows = static_cast<int>(floor(centre_y + half_y)) + 2 - box.row;
  // What is left is at most kTileCells, so that float32 has digits enough for the rest.
  box.corner_x = static_cast<float>(corner_x - box.column);
  box.corner_y = static_cast<float>(corner_y - box.row);
  return box;
}

/// One pixel of the crop, at (x, y) in its tile, out of the averages of the box: one bilinear tap, or two.
template <int C>
__device__ void read_cells(const Frame& frame, const FaceCrop& face, const Box& box, const float* means,
                           int x, int y, unsigned char* out) {
  float sums[C] = {};
  const auto a = static_cast<float>(face.a), b = static_cast<float>(face.b);
  const auto d = static_cast<float>(face.d), e = static_cast<float>(face.e);
  const float weight = 1.0F / static_cast<float>(face.taps);
  for (int tap = 0; tap < face.taps; ++tap) {
    const float within = (static_cast<float>(tap) + 0.5F) * weight;
    const float u = static_cast<float>(x) + within, v = static_cast<float>(y) + within;
    const float column = box.corner_x + a * u + b * v, row = box.corner_y + d * u + e * v;
    const int left = static_cast<int>(column), top = static_cast<int>(row);
    const float right_share = column - static_cast<float>(left), lower_share = row - static_cast<float>(top);
    const float* upper = means + (top * box.columns + left) * C;
    const float* lower = upper + box.columns * C;
    for (int c = 0; c < C; ++c) {
      const float above = upper[c] + (upper[C + c] - upper[c]) * right_share;
      const float below = lower[c] + (lower[C + c] - lower[c]) * right_share;
      sums[c] += weight * (above + (below - above) * lower_share);
    }
  }
  for (int c = 0; c < C; ++c) {
    const auto value = static_cast<unsigned char>(clamp_level(sums[c] + 0.5F));
    out[c] = frame.has_table ? frame.table[value] : value;
  }
}

/// Blocks: x the tiles of a crop, y the faces.
template <typename T, int C>
__global__ void crop_kernel(CropFaces step) {
  __shared__ float means[kTileCells * kTileCells * C];
  __shared__ unsigned char pixels[kTile * kTile][C];
  const CellGrid& grid = step.out;
  const int thread = static_cast<int>(threadIdx.x), tile = static_cast<int>(blockIdx.x);
  const int tiles = (grid.width + kTile - 1) / kTile;
  const int tile_x = tile % tiles * kTile, tile_y = tile / tiles * kTile;
  const FaceCrop face = step.faces[blockIdx.y];
  const double x = tile_x - grid.width / 2.0, y = tile_y - grid.height / 2.0;
  const Box box = cells_of(face, x, y);
  for (int i = thread; i < box.columns * box.rows; i += kCropThreads) {
    average<C>(step.frame, face, box.column + i % box.columns, box.row + i / box.columns, means + i * C);
  }
  __syncthreads();
  read_cells<C>(step.frame, face, box, means, thread % kTile, thread / kTile, pixels[thread]);
  __syncthreads();

  const int column = thread % (kTile / 2), row = thread / (kTile / 2);
  if (row >= kTile / 2 || tile_x + 2 * column >= grid.width || tile_y + 2 * row >= grid.height) return;
  unsigned char bytes[4][C];
  bool inside[4];
  for (int i = 0; i < 4; ++i) {
    const int px = 2 * column + i % 2, py = 2 * row + i / 2;
    inside[i] = tile_x + px < grid.width && tile_y + py < grid.height;
    for (int c = 0; c < C; ++c) bytes[i][c] = pixels[py * kTile + px][c];
  }
  store_cell<T, C>(grid, static_cast<int>(blockIdx.y), tile_y / 2 + row, tile_x / 2 + column, bytes, inside);
}

}  // namespace

void launch(const CropFaces& step, Stream stream) {
  if (step.count == 0) return;
  const auto tiles = [](int pixels) { return static_cast<unsigned>((pixels + kTile - 1) / kTile); };
  const dim3 blocks(tiles(step.out.width) * tiles(step.out.height), static_cast<unsigned>(step.count));
  with_type(step.out.number, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    start(step.out.channels == 1 ? crop_kernel<T, 1> : crop_kernel<T, 3>, blocks, kCropThreads, stream, step);
  });
}

}  // namespace embed::gpu
