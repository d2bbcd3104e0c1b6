// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train identify: who is in these pictures.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/embed_set.h"
#include "cli/face_cropper.h"
#include "cli/flags.h"
#include "cli/network.h"
#include "embed/error.h"
#include "embed/gallery.h"

namespace training::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kUnknownLabel = "???";

struct IdentifyOptions {
  std::string weights, gallery;
  std::vector<std::string> images;
  bool json = false;
  TableFlags embedder, match, detector;
};

Json finite(float value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json face_json(const FoundFace& face, const embed::Match& match, const embed::Gallery& gallery,
               const embed::MatchOptions& rule) {
  const embed::Rect& box = face.region.box;
  const bool known = match.label_id >= 0;
  return {{"box", {{"x", box.x}, {"y", box.y}, {"w", box.width}, {"h", box.height}}},
          {"confidence", face.confidence},
          {"label", known ? gallery.name(match.label_id) : kUnknownLabel},
          {"label_id", match.label_id},
          {"distance", finite(match.distance)},
          {"threshold", rule.threshold ? Json(*rule.threshold) : Json(nullptr)},
          {"nearest", match.nearest_id >= 0 ? Json(gallery.name(match.nearest_id)) : Json(nullptr)},
          {"runner_up", match.runner_up_id >= 0 ? Json(gallery.name(match.runner_up_id)) : Json(nullptr)},
          {"runner_up_distance", finite(match.runner_up_distance)},
          {"reason", embed::to_string(match.unknown)}};
}

void print_face(const Json& face) {
  const auto number = [](const Json& value) { return value.is_null() ? std::nan("") : value.get<double>(); };
  const Json& box = face["box"];
  print("  %-24s distance %.4f  box %.0f,%.0f %.0f×%.0f", face["label"].get<std::string>().c_str(),
        number(face["distance"]), number(box["x"]), number(box["y"]), number(box["w"]), number(box["h"]));
  if (!face["runner_up"].is_null()) {
    print("  runner-up %s %.4f", face["runner_up"].get<std::string>().c_str(),
          number(face["runner_up_distance"]));
  }
  if (!face["reason"].get<std::string>().empty()) print("  (%s)", face["reason"].get<std::string>().c_str());
  print("\n");
}

int identify(const IdentifyOptions& options) {
  const Network embedder(options.weights, embedder_options(options.embedder));
  embed::Gallery gallery = embed::Gallery::load(options.gallery, embedder.info().sha256);
  gallery.build_means();
  const embed::MatchOptions rule = match_options(options.match, embedder.info(), gallery);
  FaceCropper cropper(embedder.info().input, options.detector);

  Json images = Json::array();
  bool failed = false;
  for (const std::string& path : options.images) {
    Json image = {{"image", path}};
    try {
      const Picture picture = cropper.load(path);
      image["width"] = picture.view().width;
      image["height"] = picture.view().height;
      image["faces"] = Json::array();
      const std::vector<FoundFace> faces = cropper.find(picture.view(), /*still=*/true);
      std::vector<std::uint8_t> crops;
      for (const FoundFace& face : faces) cropper.cut(picture.view(), face, crops);
      const std::vector<embed::Embedding> embeddings = embed_crops(embedder, crops, /*flip=*/false);
      for (std::size_t i = 0; i < faces.size(); ++i) {
        image["faces"].push_back(face_json(faces[i], gallery.match(embeddings[i], rule), gallery, rule));
      }
    } catch (const embed::Error& error) {
      failed = true;
      image["error"] = error.what();
      print_error("triplet-train: %s\n", error.what());
    }
    if (!options.json && !image.contains("error")) {
      print("%s: %zu %s\n", path.c_str(), image["faces"].size(),
            image["faces"].size() == 1 ? "face" : "faces");
      for (const Json& face : image["faces"]) print_face(face);
    }
    images.push_back(std::move(image));
  }
  if (options.json) {
    const Json result = {
        {"gallery", options.gallery}, {"metric", embed::to_string(rule.metric)}, {"images", images}};
    print("%s\n", result.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  }
  return failed ? 1 : 0;
}

}  // namespace

void add_identify(CLI::App& app, Action& action) {
  auto options = std::make_shared<IdentifyOptions>();
  CLI::App* command = app.add_subcommand("identify", "Names the faces in pictures");
  command->add_option("image", options->images, "Pictures; every face in them is named")
      ->required()
      ->type_name("IMAGE ...");
  add_weights(*command, options->weights);
  command->add_option("-g,--gallery", options->gallery, "Gallery made by `enroll` with the same weights")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", options->json, "One JSON object on the standard output");
  options->match.add(*command, embed::kMatchOptions, "Who is it");
  options->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  options->detector.add(*command, embed::kDetectorOptions, "Face detection");
  options->detector.add(*command, embed::kPictureOptions, "Face detection");
  command->footer(
      "A face without a name is ???; the reason is `far` (beyond the threshold), `ambiguous` (--margin) or\n"
      "`no-gallery` (nobody is enrolled). Exit status 1 when an image could not be read; the others are "
      "still named.\n\n"
      "Example:\n"
      "  triplet-train identify --weights w.safetensors --gallery people.safetensors party.jpg --json");
  command->callback([options, &action] {
    action = [options] {
      take_default_weights(options->weights);
      return identify(*options);
    };
  });
}

}  // namespace training::cli
