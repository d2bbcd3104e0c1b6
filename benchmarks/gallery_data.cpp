// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery_data.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace bench {

namespace {

using embed::Embedding;
using Spectrum = std::array<float, embed::kEmbeddingDim>;

/// Standard deviations of the directions whose variances are as given, and together `total`.
template <typename Variance>
Spectrum spectrum(double total, Variance variance) {
  Spectrum sigma{};
  double sum = 0;
  for (std::size_t i = 0; i < sigma.size(); ++i) sum += variance(static_cast<double>(i));
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    sigma[i] = static_cast<float>(std::sqrt(total * variance(static_cast<double>(i)) / sum));
  }
  return sigma;
}

class Maker {
 public:
  Maker(const Spectrum& between, const Spectrum& within, float mean)
      : between_(between), within_(within), mean_(mean) {}

  Embedding person() {
    Embedding values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = between_[i] * normal_(generator_);
    // In a direction that has little of the rest.
    values.back() += mean_;
    return values;
  }

  Embedding row_of(Embedding person) {
    for (std::size_t i = 0; i < person.size(); ++i) person[i] += within_[i] * normal_(generator_);
    turn(person);
    double squares = 0;
    for (const float value : person) squares += static_cast<double>(value) * value;
    for (float& value : person) value /= static_cast<float>(std::sqrt(squares));
    return person;
  }

  std::size_t below(std::size_t end) { return generator_() % end; }

 private:
  /// A rotation (Walsh–Hadamard): spreads every direction over all values.
  static void turn(Embedding& values) {
    for (std::size_t width = 1; width < values.size(); width *= 2) {
      for (std::size_t i = 0; i < values.size(); i += 2 * width) {
        for (std::size_t j = i; j < i + width; ++j) {
          const float a = values[j], b = values[j + width];
          values[j] = a + b;
          values[j + width] = a - b;
        }
      }
    }
  }

  Spectrum between_, within_;
  float mean_;
  std::mt19937_64 generator_{1};
  std::normal_distribution<float> normal_;
};

Maker maker_for(const std::string& kind) {
  const auto flat = [](double) { return 1.0; };
  if (kind == "faces") {
    return {spectrum(0.50, [](double i) { return std::exp(-i / 6.2); }),
            spectrum(0.42, [](double i) { return 1 / (1 + std::pow(i / 14.5, 5)); }), 0.28F};
  }
  if (kind == "identities") return {spectrum(0.6, flat), spectrum(0.4, flat), 0};
  if (kind == "uniform") return {spectrum(1, flat), spectrum(0, flat), 0};
  std::fprintf(stderr, "data: faces, identities or uniform expected\n");
  std::exit(2);
}

}  // namespace

GalleryData make_gallery_data(const std::string& kind, std::size_t rows, std::size_t queries) {
  Maker maker = maker_for(kind);
  GalleryData data;
  if (kind == "uniform") data.rows_each = 1;
  std::vector<Embedding> people;
  for (std::size_t r = 0; r < rows; ++r) {
    if (r % data.rows_each == 0) people.push_back(maker.person());
    data.rows.push_back(maker.row_of(people.back()));
  }
  for (std::size_t q = 0; q < queries; ++q) {
    data.queries.push_back(
        maker.row_of(kind == "uniform" ? maker.person() : people[maker.below(people.size())]));
  }
  return data;
}

}  // namespace bench
