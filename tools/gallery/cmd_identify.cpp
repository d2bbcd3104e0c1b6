// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery identify: who is in these pictures.
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "command_line/console.h"
#include "embed/error.h"
#include "embed/gallery.h"
#include "face_reader/face_reader.h"
#include "gallery/commands.h"

namespace gallery_tool {

namespace {

using command_line::print;
using command_line::print_error;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kUnknownLabel = "???";

struct IdentifyOptions {
  std::string gallery;
  std::vector<std::string> images;
  bool json = false;
  face_reader::ReaderOptions reader;
  command_line::TableFlags embedder, match;
};

OrderedJson finite(float value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
}

OrderedJson face_json(const face_reader::CutFace& face, const embed::Match& match,
                      const embed::Gallery& gallery, const embed::MatchOptions& rule) {
  const embed::Rect& box = face.region.box;
  const bool known = match.label_id >= 0;
  return {
      {"box", {{"x", box.x}, {"y", box.y}, {"w", box.width}, {"h", box.height}}},
      {"confidence", face.confidence},
      {"label", known ? gallery.name(match.label_id) : kUnknownLabel},
      {"label_id", match.label_id},
      {"distance", finite(match.distance)},
      {"threshold", rule.threshold ? OrderedJson(*rule.threshold) : OrderedJson(nullptr)},
      {"nearest", match.nearest_id >= 0 ? OrderedJson(gallery.name(match.nearest_id)) : OrderedJson(nullptr)},
      {"runner_up",
       match.runner_up_id >= 0 ? OrderedJson(gallery.name(match.runner_up_id)) : OrderedJson(nullptr)},
      {"runner_up_distance", finite(match.runner_up_distance)},
      {"reason", embed::to_string(match.unknown)}};
}

void print_face(const OrderedJson& face) {
  const auto number = [](const OrderedJson& value) {
    return value.is_null() ? std::nan("") : value.get<double>();
  };
  const OrderedJson& box = face["box"];
  print("  %-24s distance %.4f  box %.0f,%.0f %.0f×%.0f", face["label"].get<std::string>().c_str(),
        number(face["distance"]), number(box["x"]), number(box["y"]), number(box["w"]), number(box["h"]));
  if (!face["runner_up"].is_null()) {
    print("  runner-up %s %.4f", face["runner_up"].get<std::string>().c_str(),
          number(face["runner_up_distance"]));
  }
  if (!face["reason"].get<std::string>().empty()) print("  (%s)", face["reason"].get<std::string>().c_str());
  print("\n");
}

std::vector<embed::Embedding> embeddings_of(const face_reader::FaceReader& reader,
                                            const face_reader::PictureFaces& picture) {
  std::vector<std::uint8_t> crops;
  for (const face_reader::CutFace& face : picture.faces)
    crops.insert(crops.end(), face.crop.begin(), face.crop.end());
  return crops.empty() ? std::vector<embed::Embedding>() : reader.embed(crops);
}

int identify(IdentifyOptions& options) {
  command_line::take_default_weights(options.reader.weights);
  options.reader.embedder = command_line::embedder_options(options.embedder);
  const std::unique_ptr<face_reader::FaceReader> reader = face_reader::make_face_reader(options.reader);
  embed::Gallery gallery = embed::Gallery::load(options.gallery, reader->model().sha256);
  gallery.build_means();
  const embed::MatchOptions rule = command_line::match_options(options.match, reader->model(), gallery);
  OrderedJson images = OrderedJson::array();
  std::size_t failed = 0;
  for (const std::string& path : options.images) {
    OrderedJson image = {{"image", path}};
    try {
      const face_reader::PictureFaces picture = reader->read(path);
      image["width"] = picture.width;
      image["height"] = picture.height;
      image["faces"] = OrderedJson::array();
      const std::vector<embed::Embedding> embeddings = embeddings_of(*reader, picture);
      for (std::size_t i = 0; i < embeddings.size(); ++i) {
        image["faces"].push_back(
            face_json(picture.faces[i], gallery.match(embeddings[i], rule), gallery, rule));
      }
    } catch (const embed::Error& error) {
      ++failed;
      image["error"] = error.what();
      print_error("triplet-gallery: %s\n", error.what());
    }
    if (!options.json && !image.contains("error")) {
      print("%s: %zu %s\n", path.c_str(), image["faces"].size(),
            image["faces"].size() == 1 ? "face" : "faces");
      for (const OrderedJson& face : image["faces"]) print_face(face);
    }
    images.push_back(std::move(image));
  }
  if (options.json) {
    const OrderedJson result = {
        {"gallery", options.gallery}, {"metric", embed::to_string(rule.metric)}, {"images", images}};
    print("%s\n", result.dump(-1, ' ', false, OrderedJson::error_handler_t::replace).c_str());
  }
  if (failed == 0) return command_line::kDone;
  return failed < options.images.size() ? command_line::kSomeRefused : command_line::kFailure;
}

}  // namespace

void add_identify(CLI::App& app, Action& action) {
  auto options = std::make_shared<IdentifyOptions>();
  CLI::App* command = app.add_subcommand("identify", "Names the faces in pictures");
  command
      ->add_option("gallery-and-images", options->images,
                   "The gallery, unless --gallery names it, and pictures; every face in them is named")
      ->required()
      ->type_name("GALLERY IMAGE ...");
  command_line::add_weights(*command, options->reader.weights);
  command->add_option("-g,--gallery", options->gallery, "Gallery made by `enroll` with the same weights")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "One JSON object on the standard output");
  options->match.add(*command, embed::kMatchOptions, "Who is it");
  options->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  options->reader.detector.add(*command, embed::kDetectorOptions, "Face detection");
  options->reader.detector.add(*command, embed::kPictureOptions, "Face detection");
  command->footer(
      "A face without a name is ???; the reason is `far` (beyond the threshold), `ambiguous` (--margin) or\n"
      "`no-gallery` (nobody is enrolled). Exit status 3 when an image could not be read and others "
      "were named.\n\n"
      "Example:\n"
      "  triplet-gallery identify people.safetensors party.jpg --json");
  command->callback([options, &action] {
    if (options->gallery.empty()) {
      options->gallery = options->images.front();
      options->images.erase(options->images.begin());
    }
    if (options->images.empty()) throw CLI::RequiredError("an image");
    action = [options] { return identify(*options); };
  });
}

}  // namespace gallery_tool
