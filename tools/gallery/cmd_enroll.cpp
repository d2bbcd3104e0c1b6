// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery enroll: people's pictures or videos into a gallery.
#include <memory>

#include "command_line/console.h"
#include "embed/file_lock.h"
#include "enrolment/enroller.h"
#include "gallery/commands.h"

namespace gallery_tool {

namespace {

struct EnrollFlags : enrolment::EnrollOptions {
  face_reader::ReaderOptions reader;
  command_line::TableFlags embedder;
};

int enroll(EnrollFlags& options) {
  command_line::take_default_weights(options.reader.weights);
  options.reader.embedder = command_line::embedder_options(options.embedder);
  options.face.which = enrolment::FaceRule::Which::Centre;
  if (options.folder.empty()) enrolment::require_name(options.name, "--name");
  // From reading the gallery to writing it: of two enrolments at once none is lost.
  const embed::FileLock lock(options.gallery, [&] {
    command_line::print_error("%s: another enrolment is at work, waiting for it\n", options.gallery.c_str());
  });
  const std::unique_ptr<face_reader::FaceReader> reader = face_reader::make_face_reader(options.reader);
  enrolment::Enroller enroller(options, *reader);
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
  auto options = std::make_shared<EnrollFlags>();
  CLI::App* command = app.add_subcommand("enroll", "Makes a gallery of people from their pictures or videos");
  command_line::add_weights(*command, options->reader.weights);
  command
      ->add_option("gallery,-g,--gallery", options->gallery,
                   "The gallery to make, or to extend when it is there")
      ->required()
      ->type_name("FILE");
  auto* name =
      command->add_option("--name", options->name, "Whose face --video or --images show")->type_name("NAME");
  auto* folder = command->add_option("--folder", options->folder, "One folder a person: DIR/NAME/*.jpg")
                     ->type_name("DIR")
                     ->excludes(name);
  auto* video =
      command
          ->add_option("--video", options->video,
                       "A clip, /dev/videoN or URL that shows one person; the largest face of a frame counts")
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
  command->add_option("--every", options->clip.every, "Look at every so many-th frame of --video")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  command
      ->add_option("--smallest-face", options->clip.smallest_face,
                   "Smaller faces of --video are not enrolled, in pixels")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command
      ->add_option("--min-quality", options->face.min_quality,
                   "Faces of a lower quality, 0 to 1, are left out with the reason: small, blurred, dark, "
                   "harsh (light), turned or covered")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option(
          "--video-direction", options->clip.direction,
          "How frames of --video are turned (videoflip's video-direction); auto heeds what the file says")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll"}))
      ->type_name("");
  command
      ->add_option("--seconds", options->clip.seconds,
                   "Stop after so many seconds of --video; 0: at its end, of a camera or stream after 30")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86400.0));
  auto* replace =
      command->add_flag("--replace", options->replace, "Forget what the gallery has of a name before adding");
  command->add_flag("--append", options->append, "Add to what the gallery has of a name (the default)")
      ->excludes(replace);
  command->add_flag(
      "--skip-bad", options->skip_bad,
      "Leave out people without a face and what is unreadable or damaged, and say so, instead of failing");
  options->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  options->reader.detector.add(*command, embed::kDetectorOptions, "Face detection");
  options->reader.detector.add(*command, embed::kPictureOptions, "Face detection");
  command->footer(
      "Faces are found and cut exactly as in the stream. A picture that is enrolled twice counts once.\n\n"
      "Examples:\n"
      "  triplet-gallery enroll people.safetensors --folder people/\n"
      "  triplet-gallery enroll people.safetensors --video ada.mp4 --name "
      "Ada");
  command->callback([options, &action] {
    if (options->folder.empty() && options->video.empty() && options->images.empty()) {
      throw CLI::RequiredError("--folder, --video or --images");
    }
    action = [options] { return enroll(*options); };
  });
}

}  // namespace gallery_tool
