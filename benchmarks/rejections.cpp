// SPDX-License-Identifier: LGPL-2.1-or-later
// What one rejection each does to the hardest pairs of strangers: how many of their repeats stay unnamed, and
// how many true names are lost.
//
// usage: rejections WEIGHTS EMBEDDINGS AGAIN
//
// EMBEDDINGS and AGAIN come from `triplet-train evaluate --embeddings`: of one set, and of the same pictures
// cut anew. accuracy.py --parts rejections makes them.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/match_rule.h"
#include "embed/model_info.h"
#include "embed/safetensors.h"

namespace {

using embed::Embedding;
using embed::Gallery;
using embed::Role;

constexpr std::size_t kPairs = 200;

struct Faces {
  std::vector<Embedding> rows;
  std::vector<std::int64_t> people;
};

/// A picture of the person who is enrolled, and one of the stranger who is taken for that person.
struct Mistake {
  float distance;
  std::size_t enrolled, stranger;
};

Faces read(const std::string& path) {
  const embed::SafetensorsFile file(path);
  const embed::TensorView& rows = file.tensor("embeddings", embed::DType::F32, {-1, 128});
  const auto count = static_cast<std::size_t>(rows.shape[0]);
  Faces faces{std::vector<Embedding>(count), std::vector<std::int64_t>(count)};
  file.read(rows, 0, faces.rows.data(), rows.bytes);
  const embed::TensorView& labels = file.tensor("labels", embed::DType::I64, {rows.shape[0]});
  file.read(labels, 0, faces.people.data(), labels.bytes);
  return faces;
}

/// The nearest pairs of pictures of two people, nearest first.
std::vector<Mistake> hardest(const Faces& faces, embed::Metric metric) {
  std::vector<Mistake> found;
  const auto nearer = [](const Mistake& a, const Mistake& b) { return a.distance < b.distance; };
  for (std::size_t i = 0; i < faces.rows.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (faces.people[i] == faces.people[j]) continue;
      const float distance = embed::distance(metric, faces.rows[i], faces.rows[j]);
      if (found.size() == kPairs && distance >= found.front().distance) continue;
      if (found.size() == kPairs) {
        std::pop_heap(found.begin(), found.end(), nearer);
        found.pop_back();
      }
      found.push_back({distance, i, j});
      std::push_heap(found.begin(), found.end(), nearer);
    }
  }
  std::sort_heap(found.begin(), found.end(), nearer);
  return found;
}

struct Count {
  std::size_t before = 0, after = 0;

  void add(const Count& other) {
    before += other.before;
    after += other.after;
  }
  double lost() const {
    return before == 0 ? 0 : 100.0 * static_cast<double>(before - after) / static_cast<double>(before);
  }
};

class Bench {
 public:
  Bench(const std::string& weights, const std::string& faces, const std::string& again)
      : info_(embed::model_info_from_metadata(
            embed::SafetensorsFile(weights, embed::Contents::Header).metadata(), weights)),
        faces_(read(faces)),
        again_(read(again)) {
    if (again_.people != faces_.people)
      throw embed::Error(embed::ErrorCode::Mismatch, "the pictures of the other file expected", again);
    for (std::size_t i = 0; i < faces_.people.size(); ++i) pictures_[faces_.people[i]].push_back(i);
    mistakes_ = hardest(faces_, info_.metric);
    for (std::size_t i = mistakes_.size(); i-- > 0;)
      mistakes_.push_back({mistakes_[i].distance, mistakes_[i].stranger, mistakes_[i].enrolled});
  }

  /// The person alone is enrolled, with the picture that was mistaken or with all but one.
  void alone(bool all) const {
    Count others, again, kept;
    for (const Mistake& mistake : mistakes_) {
      const auto& own = pictures_.at(faces_.people[mistake.enrolled]);
      std::vector<std::size_t> held_out;
      Gallery gallery(info_.metric);
      for (const std::size_t i : own) {
        const bool row = i == mistake.enrolled || (all && (held_out.size() == 1 || own.size() == 1));
        row ? gallery.add("own", faces_.rows[i]) : held_out.push_back(i);
      }
      gallery.build_means();
      Gallery rejecting(gallery);
      rejecting.add("own", faces_.rows[mistake.stranger], {}, Role::CounterExample);
      rejecting.build_means();
      const auto count = [&](const Embedding& face) {
        return Count{named(gallery, face) ? 1U : 0U, named(rejecting, face) ? 1U : 0U};
      };
      const auto& strangers = pictures_.at(faces_.people[mistake.stranger]);
      for (const std::size_t i : strangers) {
        if (i != mistake.stranger) others.add(count(faces_.rows[i]));
      }
      again.add(count(again_.rows[mistake.stranger]));
      for (const std::size_t i : held_out) kept.add(count(faces_.rows[i]));
    }
    const char* what = all ? "all pictures but one" : "the one picture";
    std::printf(
        "| enrolled with %s: the stranger's other pictures that were named, removed | %zu, %.1f %% |\n", what,
        others.before, others.lost());
    std::printf("| … the same picture cut anew, removed | %zu, %.1f %% |\n", again.before, again.lost());
    std::printf("| … true names of the rejecting person, lost | %zu, %.1f %% |\n", kept.before, kept.lost());
  }

  /// Everybody with two pictures or more is enrolled with all but the last one, which is to be named.
  void everybody(double far) {
    asked_.far = far;
    Gallery gallery(info_.metric);
    std::vector<std::size_t> probes;
    for (const auto& [person, own] : pictures_) {
      if (own.size() < 2) continue;
      for (std::size_t i = 0; i + 1 < own.size(); ++i)
        gallery.add(std::to_string(person), faces_.rows[own[i]]);
      probes.push_back(own.back());
    }
    Gallery rejecting(gallery);
    std::size_t rejections = 0;
    for (const Mistake& mistake : mistakes_) {
      const std::string name = std::to_string(faces_.people[mistake.enrolled]);
      if (gallery.find(name) < 0) continue;
      rejecting.add(name, faces_.rows[mistake.stranger], {}, Role::CounterExample);
      ++rejections;
    }
    gallery.build_means();
    rejecting.build_means();
    Count kept;
    for (const std::size_t i : probes) {
      const std::string name = std::to_string(faces_.people[i]);
      kept.add({named_as(gallery, faces_.rows[i], name), named_as(rejecting, faces_.rows[i], name)});
    }
    std::printf(
        "| %zu people enrolled, %zu rejections among them, far=%g: true names, lost | %zu, %.2f %% |\n",
        gallery.names().size(), rejections, far, kept.before, kept.lost());
  }

  void describe() const {
    std::printf("| the %zu hardest pairs, each both ways: distances | %.3f to %.3f |\n", kPairs,
                static_cast<double>(mistakes_.front().distance),
                static_cast<double>(mistakes_[kPairs - 1].distance));
  }

 private:
  bool named(const Gallery& gallery, const Embedding& face) const {
    return gallery.match(face, embed::match_rule(asked_, info_, gallery)).label_id >= 0;
  }
  std::size_t named_as(const Gallery& gallery, const Embedding& face, const std::string& name) const {
    const auto match = gallery.match(face, embed::match_rule(asked_, info_, gallery));
    return match.label_id >= 0 && gallery.name(match.label_id) == name ? 1 : 0;
  }

  embed::ModelInfo info_;
  embed::MatchSettings asked_;
  Faces faces_, again_;
  std::map<std::int64_t, std::vector<std::size_t>> pictures_;
  std::vector<Mistake> mistakes_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: rejections WEIGHTS EMBEDDINGS AGAIN\n");
    return 2;
  }
  try {
    Bench bench(argv[1], argv[2], argv[3]);
    bench.describe();
    bench.alone(false);
    bench.alone(true);
    for (const double far : {0.001, 0.01, 0.05}) bench.everybody(far);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rejections: %s\n", error.what());
    return 1;
  }
}
