// SPDX-License-Identifier: LGPL-2.1-or-later
#include "training_set.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "embed/error.h"
#include "embed/safetensors.h"
#include "rng.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kSplitStream = 1;
constexpr std::uint64_t kValidationStream = 2;

struct Picture {
  const std::uint8_t* image;
  const std::string* source;
};
using Identities = std::map<std::string, std::vector<Picture>>;

void collect(const embed::Dataset& set, Identities& identities) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    identities[set.class_names()[static_cast<std::size_t>(set.label(i))]].push_back(
        {set.image(i), &set.source(i)});
  }
}

void append(const std::string& name, const std::vector<Picture>& pictures, ImageList& list) {
  list.names.push_back(name);
  for (const Picture& picture : pictures) {
    list.images.push_back(picture.image);
    list.sources.push_back(picture.source);
  }
  list.labels.insert(list.labels.end(), pictures.size(), static_cast<std::int64_t>(list.classes));
  ++list.classes;
}

using Item = const Identities::value_type*;

std::vector<Item> shuffled(const Identities& identities, Rng rng) {
  std::vector<Item> items;
  for (const auto& item : identities) items.push_back(&item);
  rng.shuffle(items);
  return items;
}

/// Whole identities in a seeded order until `most` images are there; 0: all. One identity that alone is
/// larger gives its first images, so that two identities at least are there.
ImageList validation_list(const std::vector<Item>& items, std::size_t most) {
  std::size_t total = 0;
  for (const Item item : items) total += item->second.size();
  const std::size_t share = most == 0 || total <= most
                                ? 0
                                : std::max<std::size_t>(2, most / std::max<std::size_t>(1, items.size()));
  ImageList list;
  for (const Item item : items) {
    if (most != 0 && list.size() >= most) break;
    std::vector<Picture> pictures = item->second;
    if (share != 0 && pictures.size() > 2 * share) pictures.resize(share);
    append(item->first, pictures, list);
  }
  return list;
}

}  // namespace

ImageList validation_list(const embed::Dataset& set, std::size_t most, std::uint64_t seed) {
  Identities identities;
  collect(set, identities);
  return validation_list(shuffled(identities, Rng(seed, {kValidationStream})), most);
}

TrainingSet::TrainingSet(const TrainOptions& options) {
  open(options);
  read_input(options);
  split(options);
  make_fingerprint();
}

void TrainingSet::open(const TrainOptions& options) {
  for (const std::string& path : options.data) sets_.emplace_back(path);
  training_sets_ = sets_.size();
  if (!options.val.empty()) sets_.emplace_back(options.val);
  for (const embed::Dataset& set : sets_) check_same_shape(set, sets_.front());
  width_ = sets_.front().width();
  height_ = sets_.front().height();
  context_ = sets_.front().context();
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
  const embed::Dataset& first = sets_.front();
  std::map<std::string, std::string> metadata = embed::to_metadata(embed::ModelInfo());
  const auto crop = first.metadata().find("crop");
  if (crop != first.metadata().end()) metadata["crop"] = crop->second;
  input_ = embed::model_info_from_metadata(metadata, first.path()).input;
  input_.width = static_cast<int>(std::lround(static_cast<float>(width_) / context_));
  input_.height = static_cast<int>(std::lround(static_cast<float>(height_) / context_));
  input_.channels = first.channels();
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
  Identities identities;
  for (std::size_t i = 0; i < training_sets_; ++i) collect(sets_[i], identities);
  std::vector<Item> items = shuffled(identities, Rng(options.seed, {kSplitStream}));
  std::vector<Item> held_out;
  if (options.val.empty() && options.val_fraction > 0) {
    // Two at least: one alone has no impostor pairs.
    const auto count = std::max<std::size_t>(
        2, static_cast<std::size_t>(std::ceil(options.val_fraction * static_cast<double>(items.size()))));
    // Only identities with two images make genuine pairs.
    std::vector<Item> rest;
    for (const Item item : items)
      (held_out.size() < count && item->second.size() >= 2 ? held_out : rest).push_back(item);
    items = std::move(rest);
  }
  validation_ = options.val.empty() ? validation_list(held_out, options.val_images)
                                    : validation_list(sets_.back(), options.val_images, options.seed);
  // Names in order again: labels must not depend on how the split was drawn.
  std::map<std::string, Item> kept;
  for (const Item item : items) kept.emplace(item->first, item);
  for (const auto& [name, item] : kept) {
    if (item->second.size() >= options.min_images) append(name, item->second, train_);
  }
  if (train_.classes < 2) {
    throw Error(ErrorCode::InvalidArgument,
                "two identities at least are needed for training, " + std::to_string(train_.classes) +
                    " of " + std::to_string(identities.size()) + " left (--min-images " +
                    std::to_string(options.min_images) + ", " +
                    std::to_string(options.val.empty() ? held_out.size() : 0) +
                    " held out for validation; --val-fraction 0 holds out none)",
                sets_.front().path());
  }
  require_pairs(options);
}

/// Verification needs a pair of each kind, and must not miss one after the first epoch.
void TrainingSet::require_pairs(const TrainOptions& options) const {
  if (options.val.empty() && options.val_fraction == 0) return;
  std::vector<std::size_t> images(validation_.classes);
  for (const std::int64_t label : validation_.labels) ++images[static_cast<std::size_t>(label)];
  const bool genuine = std::any_of(images.begin(), images.end(), [](std::size_t n) { return n >= 2; });
  if (genuine && validation_.classes >= 2) return;
  throw Error(
      ErrorCode::InvalidArgument,
      "validation needs two identities, one of them with two images: " + std::to_string(validation_.classes) +
          " identities with " + std::to_string(validation_.size()) + " images are there (--val-images " +
          std::to_string(options.val_images) +
          (options.val.empty()
               ? "; only identities with two images are held out, --val-fraction 0 holds out none)"
               : ")"),
      options.val.empty() ? sets_.front().path() : options.val);
}

void TrainingSet::make_fingerprint() {
  std::vector<std::uint8_t> bytes;
  const std::size_t row = static_cast<std::size_t>(width_) * static_cast<std::size_t>(input_.channels);
  const std::size_t middle = static_cast<std::size_t>(height_ / 2) * row;
  for (const ImageList* list : {&train_, &validation_}) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto label = static_cast<std::uint32_t>(list->labels[i]);
      for (unsigned shift = 0; shift < 32; shift += 8)
        bytes.push_back(static_cast<std::uint8_t>(label >> shift));
      bytes.insert(bytes.end(), list->images[i] + middle, list->images[i] + middle + row);
    }
  }
  fingerprint_ = embed::sha256_hex(bytes.data(), bytes.size());
}

}  // namespace training
