// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the curves of embed/quality.h come from: good crops are made worse step by step, and the share of the
// true matches that is left is counted.
//
// usage: quality-curves WEIGHTS SET DISTANCE
//
// SET is packed by the rule of the weights. Two pictures of one person match up to DISTANCE (cosine). A row
// is a way of making crops worse: the share of matches of spoilt pictures with untouched ones, by that of
// untouched ones with each other; then the medians of what is measured on them, and how many are found to be
// covered.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "embed/dataset.h"
#include "embed/embedder.h"
#include "embed/error.h"
#include "embed/quality.h"
#include "image/quality_grid.h"

namespace {

using Crop = std::vector<std::uint8_t>;  // [side, side, 3].

constexpr std::size_t kPictures = 1000;
constexpr std::size_t kMostOfAPerson = 12;  // Else a few people would be most of the pairs.

/// Pixels beyond the edge repeat it.
class Canvas {
 public:
  Canvas(const Crop& crop, int side) : crop_(crop), side_(side) {}
  float at(int x, int y, int channel) const {
    x = std::clamp(x, 0, side_ - 1);
    y = std::clamp(y, 0, side_ - 1);
    return crop_[static_cast<std::size_t>((y * side_ + x) * 3 + channel)];
  }

 private:
  const Crop& crop_;
  int side_;
};

using Value = std::function<float(const Canvas&, int x, int y, int channel)>;
using Way = std::pair<std::string, Value>;

std::uint8_t byte(float value) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0F, 255.0F)));
}

Crop made(const Crop& crop, int side, const Value& value) {
  const Canvas canvas(crop, side);
  Crop out(crop.size());
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      for (int c = 0; c < 3; ++c)
        out[static_cast<std::size_t>((y * side + x) * 3 + c)] = byte(value(canvas, x, y, c));
    }
  }
  return out;
}

/// The mean along a line through the pixel, weighed by a Gaussian or evenly.
Value along(int dx, int dy, float sigma, int reach) {
  return [=](const Canvas& canvas, int x, int y, int c) {
    float sum = 0, weights = 0;
    for (int t = -reach; t <= reach; ++t) {
      const float weight = sigma > 0 ? std::exp(-static_cast<float>(t * t) / (2 * sigma * sigma)) : 1;
      sum += weight * canvas.at(x + t * dx, y + t * dy, c);
      weights += weight;
    }
    return sum / weights;
  };
}

/// Cells of so many pixels, whose middles are joined by straight lines, as a far face is enlarged.
Value far(float cell) {
  return [=](const Canvas& canvas, int x, int y, int c) {
    const auto mean = [&](float cx, float cy) {
      const int x0 = static_cast<int>(cx * cell), x1 = std::max(x0 + 1, static_cast<int>((cx + 1) * cell));
      const int y0 = static_cast<int>(cy * cell), y1 = std::max(y0 + 1, static_cast<int>((cy + 1) * cell));
      float sum = 0;
      for (int v = y0; v < y1; ++v)
        for (int u = x0; u < x1; ++u) sum += canvas.at(u, v, c);
      return sum / static_cast<float>((x1 - x0) * (y1 - y0));
    };
    const float fx = std::max(0.0F, (static_cast<float>(x) + 0.5F) / cell - 0.5F);
    const float fy = std::max(0.0F, (static_cast<float>(y) + 0.5F) / cell - 0.5F);
    const float bx = std::floor(fx), by = std::floor(fy), u = fx - bx, v = fy - by;
    return (1 - v) * ((1 - u) * mean(bx, by) + u * mean(bx + 1, by)) +
           v * ((1 - u) * mean(bx, by + 1) + u * mean(bx + 1, by + 1));
  };
}

/// Light or contrast, with the noise of a sensor.
Value lit(float gain, float offset, float noise) {
  return [=, rng = std::mt19937(1)](const Canvas& canvas, int x, int y, int c) mutable {
    return gain * canvas.at(x, y, c) + offset + noise * std::normal_distribution<float>()(rng);
  };
}

/// In fractions of the side; the default weights' crops show the eyes at 0.31 and 0.69, 0.27.
bool inside(int x, int y, int side, float cx, float cy, float rx, float ry) {
  const float u = (static_cast<float>(x) / static_cast<float>(side) - cx) / rx;
  const float v = (static_cast<float>(y) / static_cast<float>(side) - cy) / ry;
  return u * u + v * v < 1;
}

Value mask(int side, std::array<float, 3> colour) {
  return [=](const Canvas& canvas, int x, int y, int c) {
    const bool hidden = 2 * y > side && inside(x, y, side, 0.5F, 0.55F, 0.42F, 0.47F);
    return hidden ? colour[static_cast<std::size_t>(c)] : canvas.at(x, y, c);
  };
}

Value sunglasses(int side) {
  return [=](const Canvas& canvas, int x, int y, int c) {
    const bool hidden =
        inside(x, y, side, 0.3F, 0.29F, 0.15F, 0.11F) || inside(x, y, side, 0.7F, 0.29F, 0.15F, 0.11F);
    return hidden ? 20 : canvas.at(x, y, c);
  };
}

std::string named(const char* what, float how) {
  char text[64];
  std::snprintf(text, sizeof text, "%s %g", what, static_cast<double>(how));
  return text;
}

std::vector<Way> ways(int side) {
  const auto same = [](const Canvas& canvas, int x, int y, int c) { return canvas.at(x, y, c); };
  std::vector<Way> all = {{"untouched", same}};
  for (const int length : {5, 9, 13, 17})
    all.emplace_back(named("moved, pixels", static_cast<float>(length)), along(1, 0, 0, length / 2));
  for (const int across : {40, 30, 25, 20, 15, 12, 10}) {
    all.emplace_back(named("far, pixels across the crop", static_cast<float>(across)),
                     far(static_cast<float>(side) / static_cast<float>(across)));
  }
  for (const float gain : {0.6F, 0.4F, 0.3F, 0.2F, 0.15F, 0.1F, 0.06F})
    all.emplace_back(named("dark, gain", gain), lit(gain, 0, 3));
  for (const float gain : {1.4F, 1.8F, 2.2F, 2.6F, 3.2F})
    all.emplace_back(named("bright, gain", gain), lit(gain, 0, 3));
  for (const float gain : {0.6F, 0.4F, 0.25F, 0.15F})
    all.emplace_back(named("flat, gain", gain), lit(gain, 128 * (1 - gain), 1));
  all.emplace_back("white mask", mask(side, {225, 225, 225}));
  all.emplace_back("black mask", mask(side, {25, 25, 28}));
  all.emplace_back("blue mask", mask(side, {100, 145, 170}));
  all.emplace_back("sunglasses", sunglasses(side));
  return all;
}

/// Both ways of a Gaussian, one after the other.
Crop out_of_focus(const Crop& crop, int side, float sigma) {
  const int reach = static_cast<int>(std::ceil(3 * sigma));
  return made(made(crop, side, along(1, 0, sigma, reach)), side, along(0, 1, sigma, reach));
}

class Bench {
 public:
  Bench(const char* weights, const char* set, float distance)
      : embedder_(weights), set_(set), distance_(distance) {
    const embed::InputSpec& input = embedder_.info().input;
    if (input.channels != 3 || set_.width() != input.width || set_.height() != input.height)
      throw embed::Error(embed::ErrorCode::Mismatch, "a set of the weights' own RGB pictures expected", set);
    std::map<std::int64_t, std::vector<std::size_t>> people;
    for (std::size_t i = 0; i < set_.size(); ++i) people[set_.label(i)].push_back(i);
    for (const auto& [label, pictures] : people) {
      if (pictures.size() >= 2 && pictures.size() <= kMostOfAPerson)
        chosen_.insert(chosen_.end(), pictures.begin(), pictures.end());
    }
    if (chosen_.size() > kPictures) chosen_.resize(kPictures);
    for (const std::size_t i : chosen_) untouched_.push_back(set_.image(i));
    good_ = embedded(untouched_);
    whole_ = share(good_);
  }

  void row(const std::string& name, const std::function<Crop(const Crop&)>& spoil) const {
    std::vector<Crop> crops;
    for (const Crop& crop : untouched_) crops.push_back(spoil(crop));
    const embed::InputSpec& input = embedder_.info().input;
    embed::FaceRegion region;
    region.box = {0, 0, 100, 100};
    region.landmarks = input.crop.five_points;
    std::vector<float> detail, contrast, mean, white, overall;
    std::size_t covered = 0;
    for (const Crop& crop : crops) {
      const embed::QualityGrid grid(input, crop.data());
      const embed::FaceLight light = grid.light();
      const embed::FaceQuality quality = embed::face_quality({}, region, input, crop.data());
      detail.push_back(grid.detail());
      contrast.push_back(light.contrast);
      mean.push_back(light.mean);
      white.push_back(light.white);
      overall.push_back(quality.overall);
      covered += quality.visible < 1 ? 1 : 0;
    }
    std::printf("| %s | %.3f | %.3f | %.1f | %.1f | %.2f | %.1f %% | %.3f |\n", name.c_str(),
                share(embedded(crops)) / whole_, median(detail), median(contrast), median(mean),
                median(white), 100.0 * static_cast<double>(covered) / static_cast<double>(crops.size()),
                median(overall));
    std::fflush(stdout);
  }

  int side() const { return embedder_.info().input.width; }

 private:
  static double median(std::vector<float>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }

  std::vector<embed::Embedding> embedded(const std::vector<Crop>& crops) const {
    Crop all;
    for (const Crop& crop : crops) all.insert(all.end(), crop.begin(), crop.end());
    std::vector<embed::Embedding> out(crops.size());
    embedder_.embed_crops(all.data(), crops.size(), out.data());
    return out;
  }

  /// Of the pairs of these with the untouched pictures of the same person.
  double share(const std::vector<embed::Embedding>& embeddings) const {
    std::size_t near = 0, pairs = 0;
    for (std::size_t i = 0; i < embeddings.size(); ++i) {
      for (std::size_t j = 0; j < good_.size(); ++j) {
        if (i == j || set_.label(chosen_[i]) != set_.label(chosen_[j])) continue;
        ++pairs;
        near += embed::distance(embed::Metric::Cosine, embeddings[i], good_[j]) <= distance_ ? 1 : 0;
      }
    }
    return static_cast<double>(near) / static_cast<double>(std::max<std::size_t>(1, pairs));
  }

  embed::Embedder embedder_;
  embed::Dataset set_;
  float distance_;
  std::vector<std::size_t> chosen_;
  std::vector<Crop> untouched_;
  std::vector<embed::Embedding> good_;
  double whole_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: quality-curves WEIGHTS SET DISTANCE\n");
    return 2;
  }
  try {
    const Bench bench(argv[1], argv[2], std::strtof(argv[3], nullptr));
    std::printf("| crops | matches left | detail | contrast | mean | white | covered | quality |\n");
    std::printf("|---|---:|---:|---:|---:|---:|---:|---:|\n");
    const int side = bench.side();
    for (const float sigma : {0.7F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F})
      bench.row(named("out of focus, sigma", sigma),
                [&](const Crop& crop) { return out_of_focus(crop, side, sigma); });
    for (const auto& way : ways(side))
      bench.row(way.first, [&](const Crop& crop) { return made(crop, side, way.second); });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quality-curves: %s\n", error.what());
    return 1;
  }
  return 0;
}
