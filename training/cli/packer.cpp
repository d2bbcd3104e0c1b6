// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/packer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/utf8.h"
#include "cli/console.h"
#include "embed/error.h"
#include "embed/preprocess.h"

namespace training::cli {

namespace {

using embed::Error;
using embed::ErrorCode;

/// Of a picture that libembed cuts.
constexpr int kSmallestSide = 16;

int widened_side(int side, float context) {
  const int wide = static_cast<int>(std::lround(static_cast<double>(side) * context));
  if ((wide - side) % 2 != 0) {
    throw Error(ErrorCode::InvalidArgument,
                "--context " + std::to_string(context) + " makes " + std::to_string(side) + " pixels " +
                    std::to_string(wide) +
                    ": the border must be as wide on both sides; take a context that adds an "
                    "even number of pixels");
  }
  return wide;
}

embed::InputSpec packed_rule(const embed::InputSpec& network, float context) {
  embed::InputSpec input = network;
  input.crop.context = network.crop.context * context;
  if (!(input.crop.context >= 0.5F && input.crop.context <= 4)) {  // Also where it is no number.
    throw Error(ErrorCode::InvalidArgument, "--field-of-view (or that of --weights) times --context is " +
                                                std::to_string(input.crop.context) + ": 0.5 to 4 expected");
  }
  input.width = widened_side(network.width, context);
  input.height = widened_side(network.height, context);
  embed::validate(input);
  return input;
}

/// The face of a picture that shows what the rule says and no more.
embed::FaceRegion region_as_cut(const embed::ImageView& view, const embed::InputSpec& input) {
  embed::FaceRegion region;
  region.box = {0, 0, static_cast<float>(view.width), static_cast<float>(view.height)};
  embed::Landmarks landmarks = input.crop.five_points;
  for (embed::Point& point : landmarks) point = {point.x * region.box.width, point.y * region.box.height};
  region.landmarks = landmarks;
  return region;
}

/// Side in pixels at which the crop shows the face, the longer side of its box, with `size` pixels.
int side_with_face_of(int size, const embed::FaceRegion& region, const embed::InputSpec& input) {
  const float face = std::max(region.box.width, region.box.height);
  float shown = input.crop.box_scale * input.crop.context * face;  // Pixels of the picture across the crop.
  if (region.landmarks && input.crop.alignment == embed::Alignment::FivePoint) {
    const auto distance = [](const embed::Point& a, const embed::Point& b) {
      return std::hypot(a.x - b.x, a.y - b.y);
    };
    const embed::Landmarks &found = *region.landmarks, &points = input.crop.five_points;
    shown = input.crop.context * distance(found[0], found[1]) / distance(points[0], points[1]);
  }
  return static_cast<int>(std::lround(static_cast<float>(size) * shown / face));
}

}  // namespace

Packer::Packer(const PackOptions& options, const embed::ModelInfo& model)
    : options_(options),
      input_(packed_rule(model.input, options.context)),
      writer_(input_.height, input_.width, input_.channels),
      crop_(embed::crop_bytes(input_)),
      transforms_(parse_transforms(options.transform)),
      counts_(options.sources.size()) {
  if (options.detect) finder_.emplace(options.detector);
  const auto metadata = embed::to_metadata(model);
  writer_.set_metadata("crop", metadata.at("crop"));
  writer_.set_metadata("input", metadata.at("input"));
  writer_.set_metadata("detector", finder_ ? to_utf8(finder_->description()) : "none");
  writer_.set_context(options.context);
  if (transforms_.empty()) return;
  std::string names;
  for (const std::string& name : options.transform) names += (names.empty() ? "" : ",") + name;
  writer_.set_metadata("transform", names);
}

void Packer::add_class(const std::string& name, const std::vector<Sample>& samples,
                       command_line::Progress& progress) {
  pixels_.clear();
  kept_.clear();
  std::size_t seen = 0;
  for (const Sample& sample : samples) {
    progress.step();
    if (seen++ < options_.skip_per_class) continue;
    if (options_.limit_per_class != 0 && kept_.size() >= options_.limit_per_class) continue;
    SourceCount& count = counts_[sample.origin];
    ++count.images;
    if (!cut(sample, count)) continue;
    apply(transforms_, input_, crop_);
    pixels_.insert(pixels_.end(), crop_.begin(), crop_.end());
    kept_.push_back(&sample);
  }
  if (kept_.empty() && samples.size() > options_.skip_per_class) {
    lost_.push_back(name + " (" + options_.sources[samples.front().origin] + ")");
  } else if (kept_.size() < std::max<std::size_t>(1, options_.min_images)) {
    ++too_few_;
  } else {
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      writer_.add(pixels_.data() + i * crop_.size(), name, kept_[i]->source);
      ++counts_[kept_[i]->origin].packed;
    }
  }
}

bool Packer::cut(const Sample& sample, SourceCount& count) {
  if (sample.idx != nullptr) {
    embed::ImageView view;
    view.format = embed::PixelFormat::Gray8;
    view.width = sample.idx->columns;
    view.height = sample.idx->rows;
    view.planes[0] = sample.idx->image(sample.index);
    view.strides[0] = sample.idx->columns;
    embed::InputSpec whole = input_;
    whole.crop.alignment = embed::Alignment::Whole;
    embed::crop_whole(view, whole, crop_.data());
    return true;
  }
  try {
    return cut_picture(
        pictures::load_picture(sample.path, options_.detector.integer("max-megapixels")).view(), count);
  } catch (const Error& error) {
    // What the detector and the crop throw does not know the picture's file.
    const Error named = error.file().empty() ? Error(error.code(), error.what(), sample.path) : error;
    if (!options_.skip_bad) throw named;
    ++count.bad;
    print_error("left out: %s\n", named.what());
    return false;
  }
}

bool Packer::cut_picture(const embed::ImageView& view, SourceCount& count) {
  if (input_.crop.alignment == embed::Alignment::Whole) {
    embed::crop_whole(view, input_, crop_.data());
    return true;
  }
  if (options_.as_cut) {
    embed::crop_face(view, region_as_cut(view, input_), input_, crop_.data());
    return true;
  }
  std::vector<pictures::FoundFace> faces;
  if (finder_) faces = finder_->find_hard(view);
  if (!faces.empty()) {
    cut_face(view, pictures::main_face(faces, view).region);
    return true;
  }
  if (finder_) ++count.no_face;
  if (options_.fallback != "centre") return false;
  ++count.fallback;
  cut_face(view, pictures::centre_box(view, options_.centre_size));
  return true;
}

void Packer::cut_face(const embed::ImageView& view, const embed::FaceRegion& region) {
  embed::InputSpec small = input_;
  small.width = small.height =
      options_.face_size > 0 ? side_with_face_of(options_.face_size, region, input_) : input_.width;
  if (small.width >= input_.width) {
    embed::crop_face(view, region, input_, crop_.data());
    return;
  }
  // What a far camera would have seen, enlarged as the stream enlarges it.
  small.width = small.height = std::max(small.width, kSmallestSide);
  std::vector<std::uint8_t> pixels(embed::crop_bytes(small));
  embed::crop_face(view, region, small, pixels.data());
  embed::ImageView far;
  far.format = small.channels == 1 ? embed::PixelFormat::Gray8 : embed::PixelFormat::Rgb;
  far.width = small.width;
  far.height = small.height;
  far.planes[0] = pixels.data();
  far.strides[0] = small.width * small.channels;
  embed::InputSpec whole = input_;
  whole.crop.alignment = embed::Alignment::Whole;
  embed::crop_whole(far, whole, crop_.data());
}

}  // namespace training::cli
