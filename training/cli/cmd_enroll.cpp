// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train enroll: people's pictures or videos into a gallery.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <map>

#include "commands.h"
#include "console.h"
#include "embed/error.h"
#include "embed/file_lock.h"
#include "embed/gallery.h"
#include "embed/person_name.h"
#include "embed/preprocess.h"
#include "embed_set.h"
#include "enroll_select.h"
#include "face_cropper.h"
#include "flags.h"
#include "network.h"
#include "pack_sources.h"
#include "progress.h"

namespace training::cli {

namespace {

namespace fs = std::filesystem;
using embed::Error;
using embed::ErrorCode;

/// Of a video's faces the outermost tenth (turned away, or somebody who walked through) is not enrolled.
constexpr double kVideoOutliers = 0.1;
/// A frame is blurred when its face is less sharp than this share of the clip's median.
constexpr double kLeastSharpness = 0.4;

struct EnrollOptions {
  std::string weights, gallery, folder, video, name;
  std::vector<std::string> images;
  std::size_t most = 20, every = 5;
  int smallest_face = 32;
  bool append = false, replace = false, skip_bad = false;
  TableFlags embedder, detector;
};

/// A gallery's names are text. An empty gallery says which it takes, before a picture is looked at.
void require_name(const std::string& name, const std::string& where) {
  try {
    embed::Gallery(embed::Metric::Cosine, "").add(name, embed::Embedding{});
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), where);
  }
}

class Enroller {
 public:
  explicit Enroller(const EnrollOptions& options)
      : options_(options),
        embedder_(options.weights, embedder_options(options.embedder)),
        cropper_(embedder_.info().input, options.detector),
        gallery_(embedder_.info().metric, embedder_.info().sha256) {
    if (fs::exists(options.gallery))
      gallery_ = embed::Gallery::load(options.gallery, embedder_.info().sha256);
  }

  void enroll_folder() {
    Listing listing;
    list_source(options_.folder, "", {}, 0, listing);
    for (const std::string& missing : listing.missing_files)
      refuse_or_say(Error(ErrorCode::NotFound, missing));
    for (const std::string& folder : listing.empty_folders)
      refuse_or_say(Error(ErrorCode::Format, "an identity folder without any image", folder));
    // All names before the first picture.
    for (auto it = listing.classes.begin(); it != listing.classes.end();)
      it = takes(it->first) ? std::next(it) : listing.classes.erase(it);
    std::map<std::string, std::vector<std::string>>
        people;  // Pictures of each, by the name in its normal form.
    std::map<std::string, std::string> folders;
    for (const auto& [spelling, samples] : listing.classes) {
      const std::string name = embed::person_name(spelling);
      if (!folders.emplace(name, options_.folder + "/" + spelling).second)
        print_error("%s is there in two spellings: one person\n", name.c_str());
      for (const Sample& sample : samples) people[name].push_back(sample.path);
    }
    for (const auto& [name, paths] : people) enroll_images(name, paths, folders[name]);
  }

  /// `where`: what the message names when no picture shows a face.
  void enroll_images(const std::string& name, const std::vector<std::string>& paths,
                     const std::string& where) {
    std::vector<std::uint8_t> crops;
    std::vector<std::string> faceless;
    for (const std::string& path : paths) {
      try {
        const Picture picture = load_picture(path);
        const std::vector<FoundFace> faces = cropper_.find(picture.view(), /*still=*/true);
        if (faces.empty()) {
          faceless.push_back(path);
        } else {
          cropper_.cut(picture.view(), main_face(faces, picture.view()), crops);
        }
      } catch (const Error& error) {
        refuse_or_say(error);
      }
    }
    for (const std::string& path : faceless) print_error("left out: no face in %s\n", path.c_str());
    if (crops.empty()) {
      refuse_or_say(Error(ErrorCode::Format,
                          "no face in any of its " + std::to_string(paths.size()) + " images", where));
      return;
    }
    add(name, crops, paths.size(), "images", 0.0);
  }

  void enroll_video() {
    Video video(options_.video);
    std::vector<std::uint8_t> crops, crop;
    std::vector<double> sharp;
    std::size_t frames = 0, sampled = 0;
    embed::ImageView frame;
    while (video.next(frame)) {
      if (frames++ % options_.every != 0) continue;
      ++sampled;
      const std::vector<FoundFace> faces = cropper_.find(frame, /*still=*/false);
      if (faces.empty()) continue;
      const embed::Rect& box = faces.front().region.box;
      if (std::min(box.width, box.height) < static_cast<float>(options_.smallest_face)) continue;
      crop.clear();
      cropper_.cut(frame, faces.front(), crop);
      sharp.push_back(sharpness(crop.data(), embedder_.info().input));
      crops.insert(crops.end(), crop.begin(), crop.end());
    }
    if (crops.empty()) {
      throw Error(ErrorCode::Format,
                  "no face of " + std::to_string(options_.smallest_face) + " pixels or more in the " +
                      std::to_string(sampled) + " frames looked at (every " + std::to_string(options_.every) +
                      ".)",
                  options_.video);
    }
    drop_blurred(crops, sharp);
    add(options_.name, crops, sampled, "frames", kVideoOutliers);
  }

  void save() const {
    gallery_.save(options_.gallery);
    print("%s: %zu embeddings of %zu identities\n", options_.gallery.c_str(), gallery_.rows(),
          gallery_.names().size());
  }

 private:
  /// Whether a folder's name can be a person's; with --skip-bad that is said, else an error.
  bool takes(const std::string& name) const {
    try {
      require_name(name, options_.folder + "/" + name);
      return true;
    } catch (const Error& error) {
      refuse_or_say(error);
      return false;
    }
  }

  void refuse_or_say(const Error& error) const {
    if (!options_.skip_bad) throw error;
    print_error("left out: %s\n", error.what());
  }

  void drop_blurred(std::vector<std::uint8_t>& crops, const std::vector<double>& sharp) const {
    std::vector<double> sorted = sharp;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2),
                     sorted.end());
    const double least = kLeastSharpness * sorted[sorted.size() / 2];
    const std::size_t bytes = crops.size() / sharp.size();
    std::vector<std::uint8_t> kept;
    for (std::size_t i = 0; i < sharp.size(); ++i) {
      if (sharp[i] < least) continue;
      const auto first = crops.begin() + static_cast<std::ptrdiff_t>(i * bytes);
      kept.insert(kept.end(), first, first + static_cast<std::ptrdiff_t>(bytes));
    }
    crops = std::move(kept);
  }

  bool has_row(const std::string& name, const embed::Embedding& embedding) const {
    for (std::size_t row = 0; row < gallery_.rows(); ++row) {
      if (gallery_.name(gallery_.identity(row)) == name &&
          std::equal(embedding.begin(), embedding.end(), gallery_.row(row))) {
        return true;
      }
    }
    return false;
  }

  void add(const std::string& spelling, const std::vector<std::uint8_t>& crops, std::size_t looked_at,
           const char* what, double outliers) {
    const std::string name = embed::person_name(spelling);
    if (options_.replace) gallery_.remove(name);
    const std::vector<embed::Embedding> embeddings = embed_crops(embedder_, crops, /*flip=*/false);
    std::size_t added = 0;
    for (const std::size_t i : select_diverse(embeddings, options_.most, gallery_.metric(), outliers)) {
      if (has_row(name, embeddings[i])) continue;  // the same picture, enrolled before
      gallery_.add(name, embeddings[i]);
      ++added;
    }
    print("%s: %zu faces in %zu %s, %zu enrolled\n", name.c_str(), embeddings.size(), looked_at, what, added);
  }

  const EnrollOptions& options_;
  Network embedder_;
  FaceCropper cropper_;
  embed::Gallery gallery_;
};

int enroll(const EnrollOptions& options) {
  if (options.folder.empty()) require_name(options.name, "--name");
  // From reading the gallery to writing it: of two enrolments at once none is lost.
  const embed::FileLock lock(options.gallery, [&] {
    print_error("%s: another enrolment is at work, waiting for it\n", options.gallery.c_str());
  });
  Enroller enroller(options);
  if (!options.folder.empty()) {
    enroller.enroll_folder();
  } else if (!options.video.empty()) {
    enroller.enroll_video();
  } else {
    enroller.enroll_images(options.name, options.images, options.name);
  }
  enroller.save();
  return 0;
}

}  // namespace

void add_enroll(CLI::App& app, Action& action) {
  auto options = std::make_shared<EnrollOptions>();
  CLI::App* command = app.add_subcommand("enroll", "Makes a gallery of people from their pictures or videos");
  add_weights(*command, options->weights);
  command->add_option("-g,--gallery", options->gallery, "The gallery to make, or to extend when it is there")
      ->required()
      ->type_name("FILE");
  auto* name =
      command->add_option("--name", options->name, "Whose face --video or --images show")->type_name("NAME");
  auto* folder = command->add_option("--folder", options->folder, "One folder a person: DIR/NAME/*.jpg")
                     ->type_name("DIR")
                     ->excludes(name);
  auto* video =
      command
          ->add_option("--video", options->video, "A clip of one person; the largest face of a frame counts")
          ->type_name("CLIP")
          ->needs(name)
          ->excludes(folder);
  command->add_option("--images", options->images, "Pictures of one person")
      ->type_name("FILE ...")
      ->needs(name)
      ->excludes(folder)
      ->excludes(video);
  command
      ->add_option("--max-per-identity", options->most,
                   "Of more faces keep so many that differ most, without outliers of a video")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command->add_option("--every", options->every, "Look at every so many-th frame of --video")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  command
      ->add_option("--smallest-face", options->smallest_face,
                   "Smaller faces of --video are not enrolled, in pixels")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  auto* replace =
      command->add_flag("--replace", options->replace, "Forget what the gallery has of a name before adding");
  command->add_flag("--append", options->append, "Add to what the gallery has of a name (the default)")
      ->excludes(replace);
  command->add_flag("--skip-bad", options->skip_bad,
                    "Leave out people without a face and unreadable images, and say so, instead of failing");
  options->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  options->detector.add(*command, embed::kDetectorOptions, "Face detection");
  command->footer(
      "Faces are found and cut exactly as in the stream. A picture that is enrolled twice counts once.\n\n"
      "Examples:\n"
      "  triplet-train enroll --weights w.safetensors --gallery people.safetensors --folder people/\n"
      "  triplet-train enroll --weights w.safetensors --gallery people.safetensors --video ada.mp4 --name "
      "Ada");
  command->callback([options, &action] {
    if (options->folder.empty() && options->video.empty() && options->images.empty()) {
      throw CLI::RequiredError("--folder, --video or --images");
    }
    action = [options] {
      take_default_weights(options->weights);
      return enroll(*options);
    };
  });
}

}  // namespace training::cli
