// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/training_set.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/rng.h"
#include "embed/error.h"
#include "embed/parallel.h"
#include "embed/safetensors.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kSplitStream = 1;
constexpr std::uint64_t kValidationStream = 2;

struct Picture {
  PackedPicture image;
  const std::string* source;
};
/// One identity's pictures, by kind.
using Pictures = std::array<std::vector<Picture>, 2>;
using Identities = std::map<std::string, Pictures>;
using Item = const Identities::value_type*;

std::size_t count(const Pictures& pictures) {
  return pictures[0].size() + pictures[1].size();
}

/// Whether there is a pair to learn from or to verify: across the kinds where there are two.
bool has_pair(const Pictures& pictures, bool cross_kind) {
  return cross_kind ? !pictures[0].empty() && !pictures[1].empty() : pictures[0].size() >= 2;
}

void collect(const embed::Dataset& set, std::size_t kind, Identities& identities) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    identities[set.class_names()[static_cast<std::size_t>(set.label(i))]][kind].push_back(
        {{set, i}, &set.source(i)});
  }
}

/// A list that fits nobody is a mistake: who was to be left out would be trained on.
void leave_out(const std::set<std::string>& names, Identities& identities) {
  if (names.empty()) return;
  const std::size_t before = identities.size();
  for (auto item = identities.begin(); item != identities.end();) {
    const std::string& name = item->first;
    const bool listed = names.count(name) != 0 || names.count(name.substr(name.find('/') + 1)) != 0;
    item = listed ? identities.erase(item) : std::next(item);
  }
  if (identities.size() == before) {
    throw Error(ErrorCode::InvalidArgument, "--without: none of the " + std::to_string(names.size()) +
                                                " names, '" + *names.begin() +
                                                "' for one, is an identity of the data");
  }
}

std::vector<Item> shuffled(const Identities& identities, Rng rng) {
  std::vector<Item> items;
  for (const auto& item : identities) items.push_back(&item);
  rng.shuffle(items);
  return items;
}

struct Named {
  std::string name;
  Pictures pictures;
};

/// Identity i has the label i.
ImageList list_of(const std::vector<Named>& identities) {
  ImageList list;
  list.classes = identities.size();
  for (const Named& identity : identities) list.names.push_back(identity.name);
  for (const std::size_t kind : {0U, 1U}) {
    for (std::size_t i = 0; i < identities.size(); ++i) {
      for (const Picture& picture : identities[i].pictures[kind]) {
        list.images.push_back(picture.image);
        list.sources.push_back(picture.source);
        list.labels.push_back(static_cast<std::int64_t>(i));
      }
    }
    if (kind == 0) list.first_kind = list.size();
  }
  return list;
}

/// SHA-256 of each picture, by all processors: gigabytes of them should not keep a run waiting.
std::vector<std::string> digests_of(const std::vector<PackedPicture>& images, std::size_t bytes) {
  constexpr std::size_t kBlock = 64;
  std::vector<std::string> digests(images.size());
  embed::for_each_block(images.size(), kBlock, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint8_t> scratch;
    for (std::size_t i = begin; i < end; ++i)
      digests[i] = embed::sha256_hex(images[i].pixels(scratch), bytes);
  });
  return digests;
}

/// Whole identities in a seeded order until `most` images are there; 0: all. One identity that alone is
/// larger gives its first images (of each kind), so that two identities at least are there.
ImageList validation_list(const std::vector<Item>& items, std::size_t most, bool cross_kind) {
  std::size_t total = 0, taken = 0;
  for (const Item item : items) total += count(item->second);
  const std::size_t share = most == 0 || total <= most
                                ? 0
                                : std::max<std::size_t>(2, most / std::max<std::size_t>(1, items.size()));
  std::vector<Named> identities;
  for (const Item item : items) {
    if (most != 0 && taken >= most) break;
    Pictures pictures = item->second;
    if (share != 0 && count(pictures) > 2 * share) {
      const std::size_t of_a_kind = cross_kind ? share / 2 : share;
      for (auto& images : pictures) images.resize(std::min(images.size(), of_a_kind));
    }
    taken += count(pictures);
    identities.push_back({item->first, std::move(pictures)});
  }
  return list_of(identities);
}

}  // namespace

ImageList validation_list(const embed::Dataset& set, std::size_t most, std::uint64_t seed) {
  Identities identities;
  collect(set, 0, identities);
  return validation_list(shuffled(identities, Rng(seed, {kValidationStream})), most, /*cross_kind=*/false);
}

embed::InputSpec student_input(const embed::Dataset& set) {
  std::map<std::string, std::string> metadata = embed::to_metadata(embed::ModelInfo());
  const auto crop = set.metadata().find("crop");
  if (crop != set.metadata().end()) metadata["crop"] = crop->second;
  embed::InputSpec input = embed::model_info_from_metadata(metadata, set.path()).input;
  input.width = static_cast<int>(std::lround(static_cast<float>(set.width()) / set.context()));
  input.height = static_cast<int>(std::lround(static_cast<float>(set.height()) / set.context()));
  input.channels = set.channels();
  return input;
}

embed::InputSpec packed_input(const embed::Dataset& set) {
  embed::InputSpec input = student_input(set);
  input.width = set.width();
  input.height = set.height();
  input.crop.context *= set.context();
  return input;
}

ImageList ImageList::rows(std::size_t begin, std::size_t end) const {
  const auto from = static_cast<std::ptrdiff_t>(begin), to = static_cast<std::ptrdiff_t>(end);
  ImageList list;
  list.images.assign(images.begin() + from, images.begin() + to);
  list.labels.assign(labels.begin() + from, labels.begin() + to);
  list.sources.assign(sources.begin() + from, sources.begin() + to);
  list.classes = classes;
  list.names = names;
  list.first_kind = list.size();
  return list;
}

TrainingSet::TrainingSet(const TrainOptions& options) {
  open(options);
  read_input(options);
  split(options);
  targets_ = TeacherTargets(options, train_.images, train_.sources, picture_bytes());
  fingerprint_ = fingerprint_of({train_.of_first_kind(), validation_.of_first_kind()});
  other_fingerprint_ =
      is_cross_kind(options) ? fingerprint_of({train_.of_second_kind(), validation_.of_second_kind()}) : "-";
}

void TrainingSet::open(const TrainOptions& options) {
  for (const std::string& path : options.data) sets_.push_back({embed::Dataset(path), 0, false});
  for (const std::string& path : options.data_other) sets_.push_back({embed::Dataset(path), 1, false});
  if (!options.val.empty()) sets_.push_back({embed::Dataset(options.val), 0, true});
  if (!options.val_other.empty()) sets_.push_back({embed::Dataset(options.val_other), 1, true});
  const embed::Dataset& first = sets_.front().data;
  for (const Source& set : sets_) check_same_shape(set.data, first);
  width_ = first.width();
  height_ = first.height();
  context_ = first.context();
}

void TrainingSet::check_same_shape(const embed::Dataset& set, const embed::Dataset& first) const {
  const auto describe = [](const embed::Dataset& data) {
    return std::to_string(data.width()) + "x" + std::to_string(data.height()) + "x" +
           std::to_string(data.channels()) + " with context " + std::to_string(data.context());
  };
  if (set.width() != first.width() || set.height() != first.height() || set.channels() != first.channels() ||
      std::fabs(set.context() - first.context()) > 1e-6F) {
    throw Error(ErrorCode::Mismatch,
                "holds pictures of " + describe(set) + ", but " + first.path() + " of " + describe(first),
                set.path(), "images");
  }
  const auto crop = [](const embed::Dataset& data) {
    const auto found = data.metadata().find("crop");
    return found == data.metadata().end() ? std::string() : found->second;
  };
  if (crop(set) != crop(first)) {
    throw Error(ErrorCode::Mismatch, "was cut by another rule than " + first.path(), set.path(), "crop");
  }
}

void TrainingSet::read_input(const TrainOptions& options) {
  const embed::Dataset& first = sets_.front().data;
  input_ = student_input(first);
  input_.mean = options.mean;
  input_.std = options.std;
  const std::string sides = std::to_string(input_.width) + "x" + std::to_string(input_.height);
  if ((width_ - input_.width) % 2 != 0 || (height_ - input_.height) % 2 != 0) {
    throw Error(ErrorCode::Mismatch,
                "the border around the network's " + sides + " pixels is not the same on both sides",
                first.path(), "context");
  }
  if (options.size != 0 && (options.size != input_.width || options.size != input_.height)) {
    throw Error(ErrorCode::Mismatch,
                "was packed for " + sides + " pixels, --size asks for " + std::to_string(options.size) +
                    ": pack it again with that size",
                first.path(), "images");
  }
  if (options.channels != 0 && options.channels != input_.channels) {
    throw Error(ErrorCode::Mismatch,
                "has " + std::to_string(input_.channels) + " channels, --channels asks for " +
                    std::to_string(options.channels),
                first.path(), "images");
  }
  embed::validate(input_);
}

void TrainingSet::split(const TrainOptions& options) {
  const bool cross_kind = is_cross_kind(options);
  Identities identities, other;
  for (const Source& set : sets_) collect(set.data, set.kind, set.validation ? other : identities);
  leave_out(options.without, identities);
  std::vector<Item> items = shuffled(identities, Rng(options.seed, {kSplitStream}));
  if (cross_kind) {
    const auto of_one_kind = [](const Item item) { return !has_pair(item->second, true); };
    items.erase(std::remove_if(items.begin(), items.end(), of_one_kind), items.end());
  }
  std::vector<Item> held_out;
  if (!options.val.empty()) {
    held_out = shuffled(other, Rng(options.seed, {kValidationStream}));
  } else if (options.val_fraction > 0) {
    // Two at least: one alone has no impostor pairs.
    const auto wanted = std::max<std::size_t>(
        2, static_cast<std::size_t>(std::ceil(options.val_fraction * static_cast<double>(items.size()))));
    // Only identities with a genuine pair.
    std::vector<Item> rest;
    for (const Item item : items) {
      (held_out.size() < wanted && has_pair(item->second, cross_kind) ? held_out : rest).push_back(item);
    }
    items = std::move(rest);
  }
  validation_ = validation_list(held_out, options.val_images, cross_kind);
  // Names in order again: labels must not depend on how the split was drawn.
  std::map<std::string, Item> kept;
  for (const Item item : items) kept.emplace(item->first, item);
  std::vector<Named> trained;
  for (const auto& [name, item] : kept) {
    if (!needs_labels(options) || count(item->second) >= options.min_images)
      trained.push_back({name, item->second});
  }
  train_ = list_of(trained);
  if (train_.classes < (needs_labels(options) ? 2 : 1)) {
    throw Error(ErrorCode::InvalidArgument,
                std::string("two identities at least") + (cross_kind ? " with pictures of both kinds" : "") +
                    " are needed for training, " + std::to_string(train_.classes) + " of " +
                    std::to_string(identities.size()) + " left (--min-images " +
                    std::to_string(options.min_images) + ", " +
                    std::to_string(options.val.empty() ? held_out.size() : 0) +
                    " held out for validation; --val-fraction 0 holds out none)",
                sets_.front().data.path());
  }
  require_pairs(options);
}

/// Verification needs a pair of each kind, and must not miss one after the first epoch.
void TrainingSet::require_pairs(const TrainOptions& options) const {
  if (options.val.empty() && options.val_fraction == 0) return;
  std::vector<std::array<std::size_t, 2>> images(validation_.classes);  // By kind.
  for (std::size_t i = 0; i < validation_.size(); ++i)
    ++images[static_cast<std::size_t>(validation_.labels[i])][i < validation_.first_kind ? 0 : 1];
  const bool cross_kind = is_cross_kind(options);
  const bool genuine = std::any_of(images.begin(), images.end(), [&](const auto& n) {
    return cross_kind ? n[0] > 0 && n[1] > 0 : n[0] >= 2;
  });
  if (genuine && validation_.classes >= 2) return;
  throw Error(ErrorCode::InvalidArgument,
              std::string("validation needs two identities, one of them with ") +
                  (cross_kind ? "images of both kinds: " : "two images: ") +
                  std::to_string(validation_.classes) + " identities with " +
                  std::to_string(validation_.size()) + " images are there (--val-images " +
                  std::to_string(options.val_images) +
                  (options.val.empty()
                       ? "; only identities with such images are held out, --val-fraction 0 holds out none)"
                       : ")"),
              options.val.empty() ? sets_.front().data.path() : options.val);
}

std::size_t TrainingSet::picture_bytes() const {
  return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) *
         static_cast<std::size_t>(input_.channels);
}

std::string TrainingSet::fingerprint_of(const std::vector<ImageList>& lists) const {
  std::string all;
  for (const ImageList& list : lists) {
    const std::vector<std::string> digests = digests_of(list.images, picture_bytes());
    for (std::size_t i = 0; i < list.size(); ++i)
      all += std::to_string(list.labels[i]) + ' ' + digests[i] + '\n';
  }
  return embed::sha256_hex(all.data(), all.size());
}

}  // namespace training
