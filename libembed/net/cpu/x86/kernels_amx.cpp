// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolutions with the tile registers of AMX (Intel, "64 and IA-32 Architectures Software Developer's
// Manual", volume 1, chapter 18): 16×16 sums for each instruction. What else a pass needs is AVX-512's.
#include "net/cpu/kernels.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AMX_INT8__) && defined(__AVX512BF16__) && \
    defined(__AVX512VNNI__)
#include "net/cpu/conv_tile.h"
#include "net/cpu/x86/amx_tiles.h"
#include "net/cpu/x86/amx_train.h"
#include "net/cpu/x86/avx512_bf16.h"
#include "net/cpu/x86/avx512_u8.h"

namespace embed::cpu {
namespace {

/// Two runs of pixels by two tiles of channels: each tile that is loaded serves two products.
constexpr std::int64_t kChannels = 2 * kTileChannels;

// Tiles 0 to 3: the sums [run][channels]; 4 and 5: the runs' pixels; 6 and 7: the weights.
struct BF16Tiles : Avx512BF16 {
  static constexpr bool kFloatSums = true;
  static void multiply_one() {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
  }
  static void multiply_two() {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  static Float load_sums(const std::uint8_t* p) { return _mm512_load_ps(p); }
};

struct U8Tiles : Avx512U8 {
  static constexpr bool kFloatSums = false;
  static void multiply_one() {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
  }
  static void multiply_two() {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  static Float load_sums(const std::uint8_t* p) { return to_float(_mm512_load_si512(p)); }
};

/// A run of one picture, as this call has it.
struct Place {
  const std::uint8_t* input;
  const PixelRun* run;
  std::int64_t image;
};

/// Where the tiles of sums are stored.
struct Rows {
  std::uint8_t *first, *second;
  std::ptrdiff_t row_bytes;
};

/// Sums of one or two runs on their way from the tiles to where they go. They leave a few at a time while the
/// tiles compute the next ones: the two share nothing but the instructions' queue.
template <class Isa>
class Leaving {
 public:
  explicit Leaving(const ConvOutput& to) : to_(to) {}

  Rows rows() { return {sums_, sums_ + kRunRows * 4 * kChannels, 4 * kChannels}; }
  /// Those of `two`, if there is a second, are kRunRows rows behind those of `one`.
  void begin(const Place& one, const Place* two, std::int64_t channel) {
    places_[0] = one;
    places_[1] = two != nullptr ? *two : one;
    channel_ = channel;
    next_ = 0;
    first_ = one.run->count;
    count_ = first_ + (two != nullptr ? two->run->count : 0);
  }
  std::int64_t left() const { return count_ - next_; }
  /// Up to `most` pixels.
  void leave(std::int64_t most) {
    for (std::int64_t until = next_ + (most < left() ? most : left()); next_ < until; ++next_) {
      const std::int64_t half = next_ < first_ ? 0 : 1, i = next_ - half * first_;
      const Place& place = places_[half];
      const std::int64_t pixel = place.run->first + i;
      const std::uint8_t* row = sums_ + (half * kRunRows + place.run->row[i]) * 4 * kChannels;
      float* raw = raw_of(to_, place.image * to_.pixels + pixel);
      std::uint8_t* active = active_of(to_, place.image, pixel);
#pragma GCC unroll 2
      for (std::int64_t c = 0; c < kChannels; c += kTileChannels) {
        finish<Isa>(to_, Scaling<Isa>(to_, channel_ + c), channel_ + c, raw, active,
                    Isa::load_sums(row + 4 * c));
      }
    }
  }

 private:
  const ConvOutput& to_;
  alignas(64) std::uint8_t sums_[2 * kRunRows * 4 * kChannels];
  Place places_[2];
  std::int64_t channel_ = 0, next_ = 0, first_ = 0, count_ = 0;
};

/// What is read from a far cache meanwhile, so much with each step.
struct Ahead {
  const std::uint8_t* begin;
  std::ptrdiff_t step;
};

/// The sums of one or two runs × kChannels, [run][kRunRows][kChannels] words. Those before leave meanwhile.
template <class Isa, bool kTwo>
void sum_up(const ConvCall& call, std::int64_t step, const Place& first, const Place& second,
            const std::uint8_t* weights, const Ahead& ahead, const Rows& out, Leaving<Isa>& before) {
  constexpr std::ptrdiff_t kRow = 4 * kChannels;
  const std::uint8_t* next = ahead.begin;
  const std::int64_t steps = call.taps * (call.words / step), some = (before.left() + steps - 1) / steps;
  // The intrinsics do not tell the compiler what memory they read.
  __asm__ volatile("" : : : "memory");
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kTwo) {
    _tile_zero(2);
    _tile_zero(3);
  }
  for (std::int64_t tap = 0; tap < call.taps; ++tap) {
    const std::ptrdiff_t begin = call.tap_at[tap], end = begin + 4 * call.words;
    for (std::ptrdiff_t at = begin; at < end; at += 4 * step) {
      _tile_loadd(6, weights, kRow);
      _tile_loadd(7, weights + 4 * kTileChannels, kRow);
      weights += step * kRow;
      _tile_loadd(4, first.input + at, call.run_step);
      if constexpr (kTwo) {
        _tile_loadd(5, second.input + at, call.run_step);
        Isa::multiply_two();
      } else {
        Isa::multiply_one();
      }
      for (const std::uint8_t* until = next + ahead.step; next < until; next += 64) {
        __builtin_prefetch(next, 0, 2);
      }
      before.leave(some);
    }
  }
  const std::ptrdiff_t row = out.row_bytes;
  _tile_stored(0, out.first, row);
  _tile_stored(1, out.first + 4 * kTileChannels, row);
  if constexpr (kTwo) {
    _tile_stored(2, out.second, row);
    _tile_stored(3, out.second + 4 * kTileChannels, row);
  }
  __asm__ volatile("" : : : "memory");
}

/// The runs of all pictures of a call: the same place of each picture after another, so that most pairs have
/// the heights of those before.
class Runs {
 public:
  explicit Runs(const ConvCall& call)
      : call_(call), image_(call.first_row / call.to.pixels), last_(call.run_count) {
    const std::int64_t begin = image_ * call.to.pixels;
    if (call.first_row == begin && call.last_row % call.to.pixels == 0) {
      images_ = call.last_row / call.to.pixels - image_;
      return;
    }
    // A part of one picture.
    first_ = from(call.first_row - begin);
    last_ = from(call.last_row - begin);
  }

  std::int64_t count() const { return images_ * (last_ - first_); }
  Place at(std::int64_t index) const {
    const std::int64_t run = index / images_, image = image_ + index - run * images_;
    const PixelRun* pixels = call_.runs + first_ + run;
    return {call_.input + image * call_.input_image + call_.input_at[pixels->first], pixels, image};
  }

 private:
  /// The first run that begins at a pixel or behind it.
  std::int64_t from(std::int64_t pixel) const {
    std::int64_t low = 0, high = call_.run_count;
    while (low < high) {
      const std::int64_t middle = (low + high) / 2;
      call_.runs[middle].first < pixel ? low = middle + 1 : high = middle;
    }
    return low;
  }

  const ConvCall& call_;
  std::int64_t image_, images_ = 1, first_ = 0, last_;
};

std::int64_t pieces_of_runs(const ConvCall& call) {
  return (Runs(call).count() + 1) / 2 * (call.to.channels / kChannels);
}

/// Nothing is to be done with the sums, and every row is a pixel: the tiles go to their place.
template <class Isa>
bool leaves_at_once(const ConvOutput& to, const Place& place) {
  return Isa::kFloatSums && to.unit == nullptr && to.active == nullptr && !to.add_raw &&
         place.run->height == place.run->count;
}

std::uint8_t* raw_at(const ConvOutput& to, const Place& place, std::int64_t block) {
  return reinterpret_cast<std::uint8_t*>(raw_of(to, place.image * to.pixels + place.run->first) +
                                         block * kChannels);
}

/// Channels outside, runs inside, as in conv_tile.h.
template <class Isa>
void convolve_runs(const ConvCall& call, std::int64_t first, std::int64_t last) {
  if (first == last) return;
  const Runs runs(call);
  const std::int64_t count = runs.count(), pairs = (count + 1) / 2;
  const std::ptrdiff_t panel = call.taps * call.words * 4 * kChannels;
  const std::int64_t steps = call.taps * (call.words / (call.words < kTileWords ? call.words : kTileWords));
  Leaving<Isa> both[2] = {Leaving<Isa>(call.to), Leaving<Isa>(call.to)};
  Tiles tiles(call.words);
  for (std::int64_t piece = first; piece < last; ++piece) {
    const std::int64_t block = piece / pairs, index = 2 * (piece - block * pairs);
    const std::uint8_t* weights = call.weights + block * panel;
    // The weights of the next channels, shared out among the pairs.
    const std::ptrdiff_t step = (panel / pairs / steps + 63) / 64 * 64;
    const Ahead ahead{weights + panel + index / 2 * step * steps,
                      (block + 1) * kChannels < call.to.channels ? step : 0};
    Leaving<Isa>&before = both[piece % 2], &now = both[1 - piece % 2];
    const Place one = runs.at(index);
    const bool alone = index + 1 == count;
    const Place two = alone ? one : runs.at(index + 1);
    const bool at_once = leaves_at_once<Isa>(call.to, one) && leaves_at_once<Isa>(call.to, two);
    const Rows rows =
        at_once ? Rows{raw_at(call.to, one, block), raw_at(call.to, two, block), 4 * call.to.channels}
                : now.rows();
    tiles.take(one.run->height, two.run->height);
    alone ? sum_up<Isa, false>(call, tiles.words(), one, two, weights, ahead, rows, before)
          : sum_up<Isa, true>(call, tiles.words(), one, two, weights, ahead, rows, before);
    if (!at_once) now.begin(one, alone ? nullptr : &two, block * kChannels);
  }
  Leaving<Isa>& rest = both[1 - (last - 1) % 2];
  rest.leave(rest.left());
}

template <class Isa>
constexpr Kernels table_of_runs(const char* name, Number number, const TileTrainKernels* train) {
  return {name,        number,         4 / Isa::kBytes,
          kChannels,   kRunRows,       16,
          true,        pieces_of_runs, convolve_runs<Isa>,
          nullptr,     pool<Isa>,      normalise<Isa>,
          finish<Isa>, nullptr,        train};
}

constexpr Kernels kBF16 = table_of_runs<BF16Tiles>("amx-bf16", Number::BF16, &kTileTrainKernels);
constexpr Kernels kU8 = table_of_runs<U8Tiles>("amx-int8", Number::U8, nullptr);

}  // namespace

const Kernels* amx_bf16() noexcept {
  return &kBF16;
}

const Kernels* amx_u8() noexcept {
  return &kU8;
}

}  // namespace embed::cpu
#else
namespace embed::cpu {

const Kernels* amx_bf16() noexcept {
  return nullptr;
}

const Kernels* amx_u8() noexcept {
  return nullptr;
}

}  // namespace embed::cpu
#endif
