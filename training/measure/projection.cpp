// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/projection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/rng.h"
#include "embed/error.h"
#include "embed/parallel.h"

namespace training {

namespace {

using embed::kEmbeddingDim;

using Square = std::vector<std::array<double, kEmbeddingDim>>;

constexpr std::uint64_t kJitterStream = 60;
constexpr int kJacobiSweeps = 30;
constexpr int kPerplexitySteps = 64;
constexpr double kSmallestShare = 1e-12;
/// Below this many rows threads cost more than they give.
constexpr std::size_t kRowsForThreads = 200;

void require_finite(const std::vector<embed::Embedding>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!std::all_of(rows[i].begin(), rows[i].end(), [](float value) { return std::isfinite(value); })) {
      throw embed::Error(embed::ErrorCode::InvalidArgument,
                         "embedding " + std::to_string(i) + " has a value that is not finite");
    }
  }
}

std::array<double, kEmbeddingDim> mean_of(const std::vector<embed::Embedding>& rows) {
  std::array<double, kEmbeddingDim> mean{};
  for (const embed::Embedding& row : rows) {
    for (std::size_t d = 0; d < kEmbeddingDim; ++d) mean[d] += row[d];
  }
  for (double& value : mean) value /= static_cast<double>(rows.size());
  return mean;
}

Square covariance(const std::vector<embed::Embedding>& rows, const std::array<double, kEmbeddingDim>& mean) {
  Square result(kEmbeddingDim);
  std::array<double, kEmbeddingDim> away{};
  for (const embed::Embedding& row : rows) {
    for (std::size_t d = 0; d < kEmbeddingDim; ++d) away[d] = row[d] - mean[d];
    for (std::size_t a = 0; a < kEmbeddingDim; ++a) {
      for (std::size_t b = 0; b < kEmbeddingDim; ++b) result[a][b] += away[a] * away[b];
    }
  }
  return result;
}

/// One Jacobi rotation in the plane of the axes a and b, which makes matrix[a][b] zero.
void rotate(Square& matrix, Square& vectors, std::size_t a, std::size_t b) {
  const double half = (matrix[b][b] - matrix[a][a]) / (2 * matrix[a][b]);
  const double tangent = std::copysign(1.0, half) / (std::fabs(half) + std::hypot(half, 1.0));
  const double cosine = 1 / std::hypot(tangent, 1.0), sine = tangent * cosine;
  for (std::size_t k = 0; k < kEmbeddingDim; ++k) {
    const double one = matrix[k][a], other = matrix[k][b];
    matrix[k][a] = cosine * one - sine * other;
    matrix[k][b] = sine * one + cosine * other;
  }
  for (std::size_t k = 0; k < kEmbeddingDim; ++k) {
    const double one = matrix[a][k], other = matrix[b][k];
    matrix[a][k] = cosine * one - sine * other;
    matrix[b][k] = sine * one + cosine * other;
    const double first = vectors[a][k], second = vectors[b][k];
    vectors[a][k] = cosine * first - sine * second;
    vectors[b][k] = sine * first + cosine * second;
  }
}

/// The eigenvectors of a symmetric matrix, row by row; its diagonal then holds their eigenvalues.
Square eigenvectors(Square& matrix) {
  Square vectors(kEmbeddingDim);
  double trace = 0;
  for (std::size_t a = 0; a < kEmbeddingDim; ++a) {
    vectors[a][a] = 1;
    trace += matrix[a][a];
  }
  const double negligible = 1e-15 * trace / static_cast<double>(kEmbeddingDim);
  for (int sweep = 0; sweep < kJacobiSweeps; ++sweep) {
    bool turned = false;
    for (std::size_t a = 0; a + 1 < kEmbeddingDim; ++a) {
      for (std::size_t b = a + 1; b < kEmbeddingDim; ++b) {
        if (std::fabs(matrix[a][b]) <= negligible) continue;
        rotate(matrix, vectors, a, b);
        turned = true;
      }
    }
    if (!turned) break;
  }
  return vectors;
}

/// Calls work(i) for every row, on all processors when there are many.
template <typename Work>
void for_each_row(std::size_t rows, const Work& work) {
  constexpr std::size_t kBlock = 8;
  embed::for_each_block(rows, rows < kRowsForThreads ? rows + 1 : kBlock,
                        [&](std::size_t begin, std::size_t end) {
                          for (std::size_t i = begin; i < end; ++i) work(i);
                        });
}

/// The descent's state: positions, and what each row adds to the gradient.
class Tsne {
 public:
  Tsne(const std::vector<embed::Embedding>& rows, const TsneOptions& options)
      : options_(options), count_(rows.size()), shares_(count_ * count_), forces_(count_) {
    find_neighbours(rows);
    begin_with(pca(rows));
  }

  Projection run() {
    std::vector<std::array<double, 2>> speed(count_), gain(count_, {1, 1});
    const double rate =
        std::max(static_cast<double>(count_) / options_.exaggeration / 4, 50.0);  // Belkina et al., 2019
    for (std::size_t step = 0; step < options_.iterations; ++step) {
      const bool exaggerated = step < options_.exaggerated;
      measure();
      double all = kSmallestShare;
      for (const Force& force : forces_) all += force.weight;
      for (std::size_t i = 0; i < count_; ++i) {
        for (std::size_t axis = 0; axis < 2; ++axis) {
          const double gradient = 4 * (forces_[i].pull[axis] * (exaggerated ? options_.exaggeration : 1) -
                                       forces_[i].push[axis] / all);
          double& own_gain = gain[i][axis];
          own_gain = (gradient > 0) != (speed[i][axis] > 0) ? own_gain + 0.2 : std::max(0.01, own_gain * 0.8);
          speed[i][axis] = (exaggerated ? 0.5 : 0.8) * speed[i][axis] - rate * own_gain * gradient;
          place_[axis][i] += static_cast<float>(speed[i][axis]);
        }
      }
      centre();
    }
    Projection result;
    for (std::size_t i = 0; i < count_; ++i) result.points.push_back({place_[0][i], place_[1][i]});
    return result;
  }

 private:
  struct Force {
    std::array<double, 2> pull{}, push{};
    double weight = 0;
  };

  /// p(j|i) by binary search for the precision that gives the perplexity, then p(i,j) of both directions.
  void find_neighbours(const std::vector<embed::Embedding>& rows) {
    for_each_row(count_, [&](std::size_t i) {
      std::vector<double> distances(count_);
      for (std::size_t j = 0; j < count_; ++j)
        distances[j] = embed::distance(embed::Metric::SquaredL2, rows[i], rows[j]);
      find_shares(i, distances);
    });
    const double both = 2 * static_cast<double>(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      for (std::size_t j = i; j < count_; ++j) {
        const double share = (shares_[i * count_ + j] + shares_[j * count_ + i]) / both;
        shares_[i * count_ + j] = shares_[j * count_ + i] =
            i == j ? 0.0F : static_cast<float>(std::max(share, kSmallestShare));
      }
    }
  }

  void find_shares(std::size_t i, const std::vector<double>& distances) {
    const double others = static_cast<double>(count_) - 1;
    const double wanted = std::log(std::min(options_.perplexity, std::max(1.0, others / 3)));
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < count_; ++j)
      if (j != i) nearest = std::min(nearest, distances[j]);
    double precision = 1, low = 0, high = std::numeric_limits<double>::infinity();
    float* shares = &shares_[i * count_];
    for (int step = 0; step < kPerplexitySteps; ++step) {
      double sum = 0, weighted = 0;
      for (std::size_t j = 0; j < count_; ++j) {
        const double away = distances[j] - nearest;
        const double share = j == i ? 0 : std::exp(-precision * away);
        shares[j] = static_cast<float>(share);
        sum += share;
        weighted += share * away;
      }
      for (std::size_t j = 0; j < count_; ++j) shares[j] = static_cast<float>(shares[j] / sum);
      const double entropy = std::log(sum) + precision * weighted / sum;
      if (std::fabs(entropy - wanted) < 1e-5) break;
      (entropy > wanted ? low : high) = precision;
      precision = std::isinf(high) ? precision * 2 : (low + high) / 2;
    }
  }

  void begin_with(const Projection& start) {
    double squares = 0;
    for (const auto& point : start.points) squares += static_cast<double>(point[0]) * point[0];
    const double scale = squares > 0 ? 1e-4 / std::sqrt(squares / static_cast<double>(count_)) : 0;
    Rng random(options_.seed, {kJitterStream});
    for (std::size_t i = 0; i < count_; ++i) {
      for (std::size_t axis = 0; axis < 2; ++axis) {
        place_[axis].push_back(static_cast<float>(start.points[i][axis] * scale + 1e-6 * random.normal()));
      }
    }
  }

  void measure() {
    for_each_row(count_, [this](std::size_t i) { forces_[i] = force_on(i); });
  }

  /// Attraction Σ p w (y_i − y_j), repulsion Σ w² (y_i − y_j) and Σ w, with w = 1 / (1 + |y_i − y_j|²).
  Force force_on(std::size_t i) const {
    constexpr std::size_t kLanes = 8;  // Independent sums, so that the compiler may use vector registers.
    float sums[5][kLanes] = {};
    const float x = place_[0][i], y = place_[1][i];
    const float* xs = place_[0].data();
    const float* ys = place_[1].data();
    const float* shares = &shares_[i * count_];
    const auto add = [&](std::size_t j, std::size_t lane) {
      const float dx = x - xs[j], dy = y - ys[j];
      const float weight = 1 / (1 + dx * dx + dy * dy);
      const float pull = shares[j] * weight, push = weight * weight;
      sums[0][lane] += pull * dx;
      sums[1][lane] += pull * dy;
      sums[2][lane] += push * dx;
      sums[3][lane] += push * dy;
      sums[4][lane] += weight;
    };
    std::size_t j = 0;
    for (; j + kLanes <= count_; j += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) add(j + lane, lane);
    }
    for (; j < count_; ++j) add(j, 0);
    std::array<double, 5> total{};
    for (std::size_t k = 0; k < total.size(); ++k) {
      for (const float sum : sums[k]) total[k] += sum;
    }
    return {{total[0], total[1]}, {total[2], total[3]}, total[4] - 1};  // Without itself.
  }

  void centre() {
    for (std::vector<float>& axis : place_) {
      double sum = 0;
      for (const float value : axis) sum += value;
      const auto mean = static_cast<float>(sum / static_cast<double>(count_));
      for (float& value : axis) value -= mean;
    }
  }

  const TsneOptions options_;
  const std::size_t count_;
  std::vector<float> shares_;  // [N, N]: p(i,j)
  std::vector<Force> forces_;  // [N]
  std::array<std::vector<float>, 2> place_;
};

}  // namespace

Projection pca(const std::vector<embed::Embedding>& rows) {
  require_finite(rows);
  Projection result;
  if (rows.empty()) return result;
  const auto mean = mean_of(rows);
  Square matrix = covariance(rows, mean);
  const Square vectors = eigenvectors(matrix);
  std::vector<std::size_t> order(kEmbeddingDim);
  double all = 0;
  for (std::size_t d = 0; d < kEmbeddingDim; ++d) {
    order[d] = d;
    all += std::max(0.0, matrix[d][d]);
  }
  std::partial_sort(order.begin(), order.begin() + 2, order.end(),
                    [&](std::size_t a, std::size_t b) { return matrix[a][a] > matrix[b][b]; });
  result.points.resize(rows.size());
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const auto& direction = vectors[order[axis]];
    const auto largest = std::max_element(direction.begin(), direction.end(),
                                          [](double a, double b) { return std::fabs(a) < std::fabs(b); });
    const double sign = *largest < 0 ? -1 : 1;
    if (all > 0) result.explained[axis] = std::max(0.0, matrix[order[axis]][order[axis]]) / all;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      double sum = 0;
      for (std::size_t d = 0; d < kEmbeddingDim; ++d) sum += (rows[i][d] - mean[d]) * direction[d];
      result.points[i][axis] = static_cast<float>(sign * sum);
    }
  }
  return result;
}

Projection tsne(const std::vector<embed::Embedding>& rows, const TsneOptions& options) {
  if (!(options.perplexity >= 1) || !(options.exaggeration >= 1)) {
    throw embed::Error(embed::ErrorCode::InvalidArgument,
                       "t-SNE: a perplexity and an exaggeration of 1 or more expected");
  }
  require_finite(rows);
  if (rows.size() < 2) return {std::vector<std::array<float, 2>>(rows.size()), {}};
  return Tsne(rows, options).run();
}

}  // namespace training
