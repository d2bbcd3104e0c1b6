// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace embed {

/// A data set: packed, labelled images in one safetensors file, which stays open. Images are read when they
/// are asked for; a file that was cut short or overwritten meanwhile is an error. Thread-safe.
class Dataset {
 public:
  /// Throws Error(NotFound | Io | Format); Format also for labels outside the class names.
  explicit Dataset(const std::string& path);
  ~Dataset();
  Dataset(Dataset&&) noexcept;
  Dataset& operator=(Dataset&&) noexcept;

  const std::string& path() const noexcept;
  std::size_t size() const noexcept;  ///< N, the number of images; ≥ 0.
  int height() const noexcept;
  int width() const noexcept;
  int channels() const noexcept;             ///< 1 or 3 (RGB).
  std::size_t image_bytes() const noexcept;  ///< height × width × channels.
  /// Reads image i < size() into `out`: [height, width, channels] uint8, C-contiguous, image_bytes() long,
  /// owned by the caller. Throws Error(Io) that names the file when it cannot be read or holds something else
  /// than when it was opened.
  void read_image(std::size_t i, std::uint8_t* out) const;
  /// The same in a new buffer.
  std::vector<std::uint8_t> image(std::size_t i) const;
  /// Label of image i, an index into class_names().
  std::int64_t label(std::size_t i) const noexcept;
  const std::vector<std::string>& class_names() const noexcept;
  /// Where image i came from, for example a file's path relative to the packed root or "train:17"; empty when
  /// not recorded.
  const std::string& source(std::size_t i) const noexcept;
  /// How much wider the images' field of view is than the crop rule's (CropRule::context); 1 when not
  /// recorded.
  float context() const noexcept;
  /// All other metadata, for example "crop" and "packed_from".
  const std::map<std::string, std::string>& metadata() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Collects images and writes them as one data set. One thread at a time.
class DatasetWriter {
 public:
  /// Throws Error(InvalidArgument) for sizes outside 1–4096 or channels other than 1 and 3.
  DatasetWriter(int height, int width, int channels);

  /// Makes room for that many images.
  void reserve(std::size_t images);
  /// Adds one image, [height, width, channels] uint8, copied. A name not seen before gets the next label.
  void add(const std::uint8_t* image, const std::string& class_name, const std::string& source);
  void set_context(float context) { context_ = context; }
  void set_metadata(const std::string& key, const std::string& value) { metadata_[key] = value; }

  std::size_t size() const noexcept { return labels_.size(); }
  std::size_t classes() const noexcept { return names_.size(); }
  /// Writes the file atomically: readers see the old file or the new one. Throws Error(Io).
  void write(const std::string& path) const;

 private:
  int height_, width_, channels_;
  float context_ = 1.0F;
  std::vector<std::uint8_t> images_;
  std::vector<std::int64_t> labels_;
  std::vector<std::string> names_, sources_;
  std::map<std::string, std::int64_t> ids_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace embed
