// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/dataset.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "embed/error.h"
#include "embed/safetensors.h"

namespace embed {

namespace {

constexpr const char* kKind = "tripletembed.dataset";
constexpr int kVersion = 1;
constexpr int kLargestSide = 4096;

/// Class names that no image has are allowed, but not without end.
constexpr std::size_t kMostUnused = 65'536;

}  // namespace

struct Dataset::Impl {
  explicit Impl(const std::string& path) : file(path, Contents::Header) {}
  SafetensorsFile file;
  std::size_t count = 0;
  int height = 0, width = 0, channels = 0;
  float context = 1.0F;
  const TensorView* images = nullptr;
  std::vector<std::int64_t> labels;
  std::vector<std::string> names, sources;
};

Dataset::Dataset(const std::string& path) : impl_(std::make_unique<Impl>(path)) {
  Impl& set = *impl_;
  set.file.require_kind(kKind, kVersion);
  const TensorView& images = set.file.tensor("images", DType::U8, {-1, -1, -1, -1});
  const TensorView& labels = set.file.tensor("labels", DType::I64, {images.shape[0]});
  for (std::size_t axis = 1; axis < 3; ++axis) {
    if (images.shape[axis] < 1 || images.shape[axis] > kLargestSide) {
      throw Error(ErrorCode::Format, "height and width from 1 to 4096 expected", path, "images");
    }
  }
  if (images.shape[3] != 1 && images.shape[3] != 3) {
    throw Error(ErrorCode::Format, "1 or 3 channels expected", path, "images");
  }
  set.count = static_cast<std::size_t>(images.shape[0]);
  set.height = static_cast<int>(images.shape[1]);
  set.width = static_cast<int>(images.shape[2]);
  set.channels = static_cast<int>(images.shape[3]);
  set.images = &images;
  set.labels.resize(set.count);
  set.file.read(labels, 0, set.labels.data(), labels.bytes);
  set.names = set.file.strings_at("class_names", set.count + kMostUnused);
  const bool has_sources = set.file.metadata().count("sources") != 0;
  set.sources = has_sources ? set.file.strings_at("sources", set.count) : std::vector<std::string>(set.count);
  if (set.sources.size() != set.count) {
    throw Error(ErrorCode::Format,
                std::to_string(set.sources.size()) + " entries for " + std::to_string(set.count) + " images",
                path, "sources");
  }
  for (std::size_t i = 0; i < set.count; ++i) {
    if (label(i) < 0 || label(i) >= static_cast<std::int64_t>(set.names.size())) {
      throw Error(ErrorCode::Format,
                  "image " + std::to_string(i) + " has label " + std::to_string(label(i)) +
                      ", but there are " + std::to_string(set.names.size()) + " class names",
                  path, "labels");
    }
  }
  if (set.file.metadata().count("context") != 0) {
    const nlohmann::json json =
        nlohmann::json::parse(set.file.short_metadata_at("context"), nullptr, /*allow_exceptions=*/false);
    if (!json.is_number() || !(json.get<double>() >= 1 && json.get<double>() <= 4)) {
      throw Error(ErrorCode::Format, "a number from 1 to 4 expected", path, "context");
    }
    set.context = json.get<float>();
  }
  set.file.drop_metadata("class_names");
  set.file.drop_metadata("sources");
}

Dataset::~Dataset() = default;
Dataset::Dataset(Dataset&&) noexcept = default;
Dataset& Dataset::operator=(Dataset&&) noexcept = default;

const std::string& Dataset::path() const noexcept {
  return impl_->file.path();
}
std::size_t Dataset::size() const noexcept {
  return impl_->count;
}
int Dataset::height() const noexcept {
  return impl_->height;
}
int Dataset::width() const noexcept {
  return impl_->width;
}
int Dataset::channels() const noexcept {
  return impl_->channels;
}

std::size_t Dataset::image_bytes() const noexcept {
  return static_cast<std::size_t>(impl_->height) * static_cast<std::size_t>(impl_->width) *
         static_cast<std::size_t>(impl_->channels);
}

void Dataset::read_image(std::size_t i, std::uint8_t* out) const {
  impl_->file.read(*impl_->images, std::uint64_t{i} * image_bytes(), out, image_bytes());
}

std::vector<std::uint8_t> Dataset::image(std::size_t i) const {
  std::vector<std::uint8_t> pixels(image_bytes());
  read_image(i, pixels.data());
  return pixels;
}

std::int64_t Dataset::label(std::size_t i) const noexcept {
  return impl_->labels[i];
}

const std::vector<std::string>& Dataset::class_names() const noexcept {
  return impl_->names;
}
const std::string& Dataset::source(std::size_t i) const noexcept {
  return impl_->sources[i];
}
float Dataset::context() const noexcept {
  return impl_->context;
}
const std::map<std::string, std::string>& Dataset::metadata() const noexcept {
  return impl_->file.metadata();
}

DatasetWriter::DatasetWriter(int height, int width, int channels)
    : height_(height), width_(width), channels_(channels) {
  if (height < 1 || width < 1 || height > kLargestSide || width > kLargestSide) {
    throw Error(ErrorCode::InvalidArgument, "image sides from 1 to 4096 expected");
  }
  if (channels != 1 && channels != 3) throw Error(ErrorCode::InvalidArgument, "1 or 3 channels expected");
}

void DatasetWriter::reserve(std::size_t images) {
  images_.reserve(images * static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_) *
                  static_cast<std::size_t>(channels_));
}

void DatasetWriter::add(const std::uint8_t* image, const std::string& class_name, const std::string& source) {
  const std::size_t bytes = static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_) *
                            static_cast<std::size_t>(channels_);
  const auto [found, is_new] = ids_.emplace(class_name, static_cast<std::int64_t>(names_.size()));
  if (is_new) names_.push_back(class_name);
  images_.insert(images_.end(), image, image + bytes);
  labels_.push_back(found->second);
  sources_.push_back(source);
}

void DatasetWriter::write(const std::string& path) const {
  const auto count = static_cast<std::int64_t>(labels_.size());
  std::map<std::string, TensorView> tensors;
  tensors["images"] = {DType::U8, {count, height_, width_, channels_}, images_.data(), images_.size()};
  tensors["labels"] = {DType::I64,
                       {count},
                       reinterpret_cast<const std::uint8_t*>(labels_.data()),
                       labels_.size() * sizeof(std::int64_t)};
  std::map<std::string, std::string> metadata = metadata_;
  metadata["kind"] = kKind;
  metadata["version"] = std::to_string(kVersion);
  metadata["context"] = nlohmann::json(context_).dump();
  try {
    metadata["class_names"] = nlohmann::json(names_).dump();
    metadata["sources"] = nlohmann::json(sources_).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::InvalidArgument, "class and source names must be UTF-8", path);
  }
  write_safetensors(path, tensors, metadata);
}

}  // namespace embed
