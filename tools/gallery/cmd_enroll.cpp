// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery enroll: people's pictures or videos into a gallery.
#include <limits>
#include <memory>
#include <set>

#include "command_line/console.h"
#include "command_line/table_flags.h"
#include "embed/error.h"
#include "embed/match_rule.h"
#include "embed/safetensors.h"
#include "enrolment/apply.h"
#include "enrolment/collector.h"
#include "enrolment/crops.h"
#include "enrolment/doubts.h"
#include "gallery/check_rows.h"
#include "gallery/commands.h"
#include "gallery/enroll_report.h"
#include "gallery/face_flag.h"
#include "gallery/gallery_file.h"

namespace gallery_tool {

namespace {

using embed::Gallery;
using enrolment::Mode;

struct EnrollOptions {
  std::string gallery, folder, video, name;
  std::vector<std::string> images;
  std::vector<std::string> face;
  enrolment::CollectOptions collect;
  face_reader::ReaderOptions reader;
  command_line::TableFlags embedder;
  bool append = false, replace = false, sync = false;
  bool strict = false, skip_bad = false, keep_crops = false, json = false;
};

void collect(const EnrollOptions& options, enrolment::Collector& collector) {
  if (!options.folder.empty()) {
    collector.add_folder(options.folder);
  } else if (!options.video.empty()) {
    collector.add_clip(options.name, options.video);
  } else {
    collector.add_images(options.name, options.images);
  }
}

/// What the rows that were added lie strangely to; nothing where no threshold is known.
std::vector<enrolment::Doubt> doubts_of(Gallery& gallery, const enrolment::Applied& applied,
                                        const embed::ModelInfo& model) {
  std::vector<std::size_t> rows;
  for (const enrolment::PlacedRow& row : applied.rows) rows.push_back(row.row);
  if (rows.empty()) return {};
  gallery.build_means();
  const std::optional<float> threshold = embed::match_rule({}, model, gallery).threshold;
  if (!threshold) return {};
  // How far apart two people lie is not told by pictures of one in the folders of two. Among many rows they
  // do not count, and a copy would be large.
  constexpr std::size_t kMany = 10'000;
  Gallery without = gallery;
  std::vector<std::size_t> near;
  for (const enrolment::Doubt& doubt :
       enrolment::find_doubts(gallery, rows, *threshold, std::numeric_limits<float>::infinity()))
    near.push_back(doubt.row);
  if (!near.empty() && gallery.rows() < kMany) without.remove_rows(near);
  const float apart = without.rows() > 0 ? apart_distance(without, *threshold) : *threshold;
  return enrolment::find_doubts(gallery, rows, *threshold, apart);
}

/// Takes doubtful rows out again.
void take_back(Gallery& gallery, const std::vector<enrolment::Doubt>& doubts, enrolment::Applied& applied,
               EnrollReport& report) {
  std::vector<std::size_t> rows;
  std::vector<std::string> names;
  for (const enrolment::Doubt& doubt : doubts) {
    rows.push_back(doubt.row);
    names.push_back(gallery.name(gallery.identity(doubt.row)));
  }
  gallery.remove_rows(rows);
  report.done(applied, gallery);
  for (const std::string& name : names) report.take_back(name);
  const std::set<std::size_t> out(rows.begin(), rows.end());
  std::vector<enrolment::PlacedRow> left;
  for (const enrolment::PlacedRow& row : applied.rows) {
    if (out.count(row.row) != 0) continue;
    const auto before = static_cast<std::size_t>(std::distance(out.begin(), out.lower_bound(row.row)));
    left.push_back({row.row - before, row.face});
  }
  applied.rows = std::move(left);
}

/// Brings what was collected into the gallery's file.
void change(const EnrollOptions& options, const face_reader::FaceReader& reader,
            const std::vector<enrolment::Candidate>& people, EnrollReport& report) {
  const Mode mode = options.sync ? Mode::Sync : options.replace ? Mode::Replace : Mode::Append;
  const Gallery fresh(reader.model().metric, reader.model().sha256);
  change_gallery(options.gallery, fresh, [&](Gallery& gallery) {
    enrolment::Applied applied = enrolment::apply(gallery, people, mode, options.folder);
    report.done(applied, gallery);
    const std::vector<enrolment::Doubt> doubts = doubts_of(gallery, applied, reader.model());
    for (const enrolment::Doubt& doubt : doubts) report.doubt(gallery, doubt, options.strict);
    if (options.strict && !doubts.empty()) take_back(gallery, doubts, applied, report);
    if (options.keep_crops) {
      enrolment::keep_crops(options.gallery, gallery, applied.rows, reader);
      enrolment::keep_crops(options.gallery, gallery, applied.kept, reader);
    }
    return report.anything_changed();
  });
}

int enroll(EnrollOptions& options) {
  command_line::take_default_weights(options.reader.weights);
  options.reader.embedder = command_line::embedder_options(options.embedder);
  options.collect.take_cut_clips = options.skip_bad;
  if (options.folder.empty()) enrolment::require_name(options.name, "--name");
  embed::check_writable(options.gallery);  // Before all the work.
  const std::unique_ptr<face_reader::FaceReader> reader = face_reader::make_face_reader(options.reader);
  require_gallery_of(options.gallery, reader->model().sha256);
  EnrollReport report;
  enrolment::Collector collector(*reader, options.collect, report);
  collect(options, collector);
  change(options, *reader, collector.people(), report);
  if (options.json) {
    command_line::print("%s\n", json_text(report.json(options.gallery, collector.folder())).c_str());
  } else if (report.anything_done()) {
    report.print_table(options.gallery);
  }
  if (!report.anything_done()) {
    command_line::print_error("triplet-gallery: %s: nobody is left to enrol\n", options.gallery.c_str());
    return command_line::kFailure;
  }
  return report.anything_refused() && !options.skip_bad ? command_line::kSomeRefused : command_line::kDone;
}

void add_inputs(CLI::App& command, EnrollOptions& options) {
  command_line::add_weights(command, options.reader.weights);
  command
      .add_option("gallery,-g,--gallery", options.gallery,
                  "The gallery to make, or to extend when it is there")
      ->type_name("FILE");
  auto* name =
      command.add_option("--name", options.name, "Whose face --video or --images show")->type_name("NAME");
  auto* folder = command.add_option("--folder", options.folder, "One folder a person: DIR/NAME/*.jpg")
                     ->type_name("DIR")
                     ->excludes(name);
  auto* video =
      command.add_option("--video", options.video, "A clip, /dev/videoN or URL that shows one person")
          ->type_name("CLIP")
          ->needs(name)
          ->excludes(folder);
  command.add_option("--images", options.images, "Pictures of one person")
      ->type_name("FILE ...")
      ->needs(name)
      ->excludes(folder)
      ->excludes(video);
}

void add_rules(CLI::App& command, EnrollOptions& options) {
  command
      .add_option("--max-per-identity", options.collect.most,
                  "Of more faces keep so many that differ most, without outliers of a video")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command.add_option("--every", options.collect.clip.every, "Look at every so many-th frame of --video")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  command
      .add_option("--smallest-face", options.collect.clip.smallest_face,
                  "Smaller faces of --video are not enrolled, in pixels")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command
      .add_option("--min-quality", options.collect.face.min_quality,
                  "Faces of a lower quality, 0 to 1, are left out with the reason: small, blurred, dark, "
                  "harsh (light), turned or covered")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option(
          "--video-direction", options.collect.clip.direction,
          "How frames of --video are turned (videoflip's video-direction); auto heeds what the file says")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll"}))
      ->type_name("");
  command
      .add_option("--seconds", options.collect.clip.seconds,
                  "Stop after so many seconds of --video; 0: at its end, of a camera or stream after 30")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86400.0));
  add_face(command, options.face);
}

void add_outcome(CLI::App& command, EnrollOptions& options) {
  auto* replace =
      command.add_flag("--replace", options.replace, "Forget what the gallery has of a name before adding");
  command.add_flag("--append", options.append, "Add to what the gallery has of a name (the default)")
      ->excludes(replace);
  command
      .add_flag("--sync", options.sync,
                "Make the rows from --folder what it holds now: also remove those of pictures and people "
                "that are gone")
      ->needs(command.get_option("--folder"))
      ->excludes(replace);
  command.add_flag("--strict", options.strict,
                   "Refuse faces that are doubtful: far from the person's others, or within the threshold "
                   "of another person");
  command.add_flag("--skip-bad", options.skip_bad,
                   "Of a cut or damaged clip take what it shows; and end with 0 although some of what was "
                   "given was refused");
  command.add_flag("--keep-crops", options.keep_crops,
                   "Keep the faces as they were cut in GALLERY.crops/, for pages that show them");
  add_json(command, options.json);
}

void check_usage(EnrollOptions& options) {
  take_face(options.face, options.gallery, options.collect);
  if (options.gallery.empty()) throw CLI::RequiredError("gallery");
  if (!options.video.empty() && options.collect.face.which == enrolment::FaceRule::Which::AllOf)
    throw CLI::ValidationError("--face", "all-of is for pictures, not for --video");
  if (options.folder.empty() && options.video.empty() && options.images.empty())
    throw CLI::RequiredError("--folder, --video or --images");
}

}  // namespace

void add_enroll(CLI::App& app, Action& action) {
  auto options = std::make_shared<EnrollOptions>();
  CLI::App* command = app.add_subcommand("enroll", "Makes a gallery of people from their pictures or videos");
  add_inputs(*command, *options);
  add_rules(*command, *options);
  add_outcome(*command, *options);
  options->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  options->reader.detector.add(*command, embed::kDetectorOptions, "Face detection");
  options->reader.detector.add(*command, embed::kPictureOptions, "Face detection");
  command->footer(
      "Faces are found and cut exactly as in the stream. A picture that is enrolled twice counts once. What "
      "cannot\n"
      "be enrolled is named with the reason, and the rest is enrolled: the exit status is 3 then.\n\n"
      "Examples:\n"
      "  triplet-gallery enroll people.safetensors --folder people/\n"
      "  triplet-gallery enroll people.safetensors --folder people/ --sync\n"
      "  triplet-gallery enroll people.safetensors --video ada.mp4 --name Ada");
  command->callback([options, &action] {
    check_usage(*options);
    action = [options] { return enroll(*options); };
  });
}

}  // namespace gallery_tool
