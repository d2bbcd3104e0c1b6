// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train pack: pictures into one data set file.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <set>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/packer.h"
#include "data/run_checks.h"
#include "data/teacher.h"
#include "embed/default_weights.h"
#include "embed/error.h"
#include "embed/safetensors.h"

namespace training::cli {

namespace {

using embed::Error;
using embed::ErrorCode;

/// The rule that cuts the network's own picture (context as the weights say), before `--context` widens it.
embed::ModelInfo network_rule(const PackOptions& options) {
  if (!options.weights.empty()) {
    const embed::SafetensorsFile file(options.weights, embed::Contents::Header);
    file.require_kind("tripletembed.weights", 1);
    return embed::model_info_from_metadata(file.metadata(), options.weights);
  }
  embed::ModelInfo info;
  info.input.width = info.input.height = options.size;
  info.input.channels = options.channels;
  if (!options.teacher.empty()) {
    info.input.crop = read_teacher_info(options.teacher).input.crop;
  } else {
    const std::string align =
        options.align.empty() ? (options.detect || options.as_cut ? "five-point" : "whole") : options.align;
    info.input.crop.alignment = embed::parse_alignment(align);
  }
  info.input.crop.context = options.field_of_view;
  return info;
}

bool no_rule_is_said(const CLI::App& command) {
  const auto flags = {"--size", "--channels", "--align", "--field-of-view", "--weights", "--teacher"};
  return std::all_of(flags.begin(), flags.end(),
                     [&](const char* flag) { return command.get_option(flag)->count() == 0; });
}

/// Faces are for the weights that the stream takes, where there are any.
void take_default_rule(PackOptions& options) {
  try {
    options.weights = embed::default_weights("--weights");
  } catch (const Error&) {
    return;
  }
  print_error("faces are cut as the default weights want them (%s); --size begins a rule of its own\n",
              options.weights.c_str());
}

/// Of the pictures with the same file name in one class, those of the source named first stay.
void drop_same_names(Listing& listing) {
  for (auto& [name, samples] : listing.classes) {
    std::set<std::string> seen;
    const auto file_name = [](const Sample& sample) {
      return sample.source.substr(sample.source.rfind('/') + 1);
    };
    samples.erase(
        std::remove_if(samples.begin(), samples.end(),
                       [&](const Sample& sample) { return !seen.insert(file_name(sample)).second; }),
        samples.end());
  }
}

void refuse_gaps(const Listing& listing, const PackOptions& options) {
  if (!listing.missing_files.empty()) {
    if (!options.skip_bad) throw Error(ErrorCode::NotFound, listing.missing_files.front());
    print_error("left out: %zu files that are not there: %s\n", listing.missing_files.size(),
                command_line::first_of(listing.missing_files).c_str());
  }
  if (!listing.empty_folders.empty()) {
    if (!options.skip_bad) {
      throw Error(ErrorCode::Format, "an identity folder without any image (--skip-bad goes on without it)",
                  listing.empty_folders.front());
    }
    print_error("left out: %zu identity folders without any image: %s\n", listing.empty_folders.size(),
                command_line::first_of(listing.empty_folders).c_str());
  }
}

/// The set keeps the identities' names and where its pictures are from as text. Told, or left out, before a
/// picture is looked at.
void refuse_names(Listing& listing, const PackOptions& options) {
  std::set<std::string> bad;
  for (auto it = listing.classes.begin(); it != listing.classes.end();) {
    std::vector<Sample>& samples = it->second;
    const auto name_of = [&](const Sample& sample) {
      return sample.idx != nullptr ? options.sources[sample.origin] : sample.path;
    };
    if (!is_utf8(it->first)) {
      bad.insert(std::filesystem::path(name_of(samples.front())).parent_path().string());
      samples.clear();
    }
    const auto last = std::remove_if(samples.begin(), samples.end(), [&](const Sample& sample) {
      if (is_utf8(sample.source)) return false;
      bad.insert(name_of(sample));
      return true;
    });
    samples.erase(last, samples.end());
    it = samples.empty() ? listing.classes.erase(it) : std::next(it);
  }
  if (bad.empty()) return;
  if (!options.skip_bad) {
    throw Error(ErrorCode::Format, "its name is not UTF-8 text, which the set keeps: rename it",
                *bad.begin());
  }
  print_error("left out: %zu whose names are not UTF-8 text: %s\n", bad.size(),
              command_line::first_of({bad.begin(), bad.end()}).c_str());
}

void check_usage(const PackOptions& options, const embed::InputSpec& input, const Listing& listing) {
  if (options.as_cut && input.crop.alignment != embed::Alignment::FivePoint) {
    throw Error(ErrorCode::InvalidArgument,
                std::string("--as-cut: pictures cut by five points expected, the rule is '") +
                    embed::to_string(input.crop.alignment) + "'");
  }
  if (!listing.has_files || input.crop.alignment == embed::Alignment::Whole) return;
  if (!options.detect && !options.as_cut && options.fallback != "centre") {
    throw Error(
        ErrorCode::InvalidArgument,
        std::string("pictures are cut by the rule '") + embed::to_string(input.crop.alignment) +
            "': add --detect (or --as-cut for pictures that were cut so already, --fallback centre for "
            "others that show nothing but a face)");
  }
}

void report(const Packer& packer, const PackOptions& options, std::size_t images, std::size_t classes) {
  for (std::size_t i = 0; i < options.sources.size(); ++i) {
    const SourceCount& count = packer.counts()[i];
    print("%s: %zu of %zu images packed", options.sources[i].c_str(), count.packed, count.images);
    if (options.detect) {
      const double share =
          count.images == 0 ? 0
                            : 100.0 * static_cast<double>(count.no_face) / static_cast<double>(count.images);
      print(", no face in %zu (%.2f %%)", count.no_face, share);
    }
    if (count.fallback != 0) print(", centre box in %zu", count.fallback);
    if (count.bad != 0) print(", unreadable %zu", count.bad);
    print("\n");
  }
  if (packer.too_few() != 0) {
    print("%zu identities with fewer than %zu images left out\n", packer.too_few(), options.min_images);
  }
  print("%s: %zu images of %zu identities\n", options.out.c_str(), images, classes);
}

/// Sources in which there is nothing to pack, before and after their pictures were looked at.
void refuse_empty(const Listing& listing, const PackOptions& options) {
  if (!options.labels.empty() && listing.idx_sets.empty())
    throw Error(ErrorCode::InvalidArgument, "--labels is for IDX files, and no source is one",
                options.labels);
  if (!listing.classes.empty()) return;
  if (!options.people.empty())
    throw Error(ErrorCode::Format,
                "none of its names is an identity of " + command_line::first_of(options.sources),
                options.people);
  throw Error(ErrorCode::Format, "no image in it", command_line::first_of(options.sources));
}

[[noreturn]] void refuse_nothing(const Packer& packer, const PackOptions& options) {
  std::string why;
  if (packer.too_few() != 0) {
    why = ": " + std::to_string(packer.too_few()) + " identities have too few (--min-images " +
          std::to_string(options.min_images) + ", --skip-per-class " +
          std::to_string(options.skip_per_class) + ")";
  }
  throw Error(ErrorCode::Format, "no image is left to pack" + why, command_line::first_of(options.sources));
}

std::vector<std::string> inputs_of(const PackOptions& options, const Listing& listing) {
  std::vector<std::string> inputs = {options.weights, options.teacher, options.people, options.labels};
  for (const std::string& source : options.sources) {
    inputs.push_back(source);
    inputs.push_back(source.substr(source.find('=') + 1));
  }
  for (const auto& [name, samples] : listing.classes) {
    for (const Sample& sample : samples) inputs.push_back(sample.path);
  }
  return inputs;
}

int pack(const PackOptions& options) {
  const embed::ModelInfo model = network_rule(options);
  std::set<std::string> people;
  if (!options.people.empty()) people = read_people(options.people);
  Listing listing;
  for (std::size_t i = 0; i < options.sources.size(); ++i) {
    list_source(options.sources[i], options.labels, people, i, listing);
  }
  require_no_input(options.out, inputs_of(options, listing));
  say_skipped(listing);
  refuse_gaps(listing, options);
  refuse_names(listing, options);
  refuse_empty(listing, options);
  check_usage(options, model.input, listing);
  if (options.unique_names) drop_same_names(listing);

  Packer packer(options, model);
  std::size_t total = 0;
  for (const auto& [name, samples] : listing.classes) total += samples.size();
  {
    command_line::Progress progress("packing", total);
    for (const auto& [name, samples] : listing.classes) {
      // What is already too few before any face is looked for need not be decoded.
      if (samples.size() < options.min_images) {
        packer.leave_out(samples.size(), progress);
        continue;
      }
      packer.add_class(name, samples, progress);
    }
  }
  if (!packer.lost().empty()) {
    const std::string text = std::to_string(packer.lost().size()) + " identities of which no image is left " +
                             "(no face found, or unreadable): " + command_line::first_of(packer.lost());
    if (!options.skip_bad) throw Error(ErrorCode::Format, text + "; --skip-bad goes on without them");
    print_error("left out: %s\n", text.c_str());
  }
  if (packer.writer().size() == 0) refuse_nothing(packer, options);
  packer.writer().write(options.out);
  report(packer, options, packer.writer().size(), packer.writer().classes());
  return 0;
}

}  // namespace

void add_pack(CLI::App& app, Action& action) {
  auto options = std::make_shared<PackOptions>();
  CLI::App* command = app.add_subcommand("pack", "Packs pictures and their labels into one data set file");
  command
      ->add_option("source", options->sources,
                   "Folder root/identity/*.jpg (also png, pgm, …), IDX image file (plain or .gz), or CSV of "
                   "path,label; PREFIX=PATH puts PREFIX/ before the identities' names")
      ->required()
      ->type_name("SOURCE ...");
  command->add_option("-o,--out", options->out, "The data set to write")
      ->required()
      ->type_name("SET.safetensors");
  auto* size = command->add_option("--size", options->size, "Side of the network's picture in pixels")
                   ->capture_default_str()
                   ->check(CLI::Range(16, 1024));
  auto* channels =
      command->add_option("--channels", options->channels, "3 (RGB; grey is repeated) or 1 (grey)")
          ->capture_default_str()
          ->check(CLI::IsMember({1, 3}));
  auto* align = command
                    ->add_option("--align", options->align,
                                 "How a face becomes a picture; default five-point with --detect, else whole")
                    ->check(CLI::IsMember({"whole", "box", "five-point"}));
  auto* field =
      command
          ->add_option("--field-of-view", options->field_of_view,
                       "The network's picture shows this many times what the crop rule says, at the "
                       "same size; the weights trained on it say so, and the stream cuts alike")
          ->capture_default_str()
          ->check(CLI::Range(0.5, 4.0));
  command
      ->add_option(
          "-w,--weights", options->weights,
          "Take size, channels and crop rule from this weights file; with --detect and no other rule the "
          "default weights'")
      ->type_name("FILE")
      ->excludes(size)
      ->excludes(channels)
      ->excludes(align)
      ->excludes(field);
  command
      ->add_option("--teacher", options->teacher,
                   "Take the crop rule from the JSON beside this teacher's network, so that a student sees a "
                   "face as its teacher does")
      ->type_name("FILE.onnx")
      ->excludes("--weights")
      ->excludes(align);
  command
      ->add_option("--context", options->context,
                   "Pack pictures this much wider and higher, so that training can shift and turn them")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 4.0));
  command->add_flag("--detect", options->detect,
                    "Find the face nearest the centre and cut it as the stream does");
  command
      ->add_flag("--as-cut", options->as_cut,
                 "The pictures were cut by the rule already and show no more than it says: no face is looked "
                 "for")
      ->excludes("--detect");
  command
      ->add_option(
          "--face-size", options->face_size,
          "Reduce each face to so many pixels, the longer side of its box, before it is cut: how well far "
          "faces are recognised; 0: as they are")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024))
      ->needs("--detect");
  command
      ->add_option("--fallback", options->fallback,
                   "Where no face is found: leave the picture out, or take its centre")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "centre"}));
  command
      ->add_option("--centre-size", options->centre_size,
                   "Side of the centre box, a fraction of the shorter side")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 1.0));
  command->add_option("--min-images", options->min_images, "Leave out identities with fewer packed images")
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--limit-per-class", options->limit_per_class,
                   "At most so many images of an identity; 0: all")
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--skip-per-class", options->skip_per_class, "Leave out the first N images of an identity")
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--people", options->people,
                   "Keep only the identities in this list (LFW's people files, or a "
                   "name a line)")
      ->type_name("FILE");
  command->add_option("--labels", options->labels, "Labels file of an IDX source; default found by its name")
      ->type_name("FILE");
  command->add_flag("--unique-names", options->unique_names,
                    "Of pictures with the same file name in one identity keep the first source's");
  command->add_flag("--skip-bad", options->skip_bad,
                    "Leave out what cannot be used, and say so, instead of failing");
  command
      ->add_option("--transform", options->transform,
                   "Pack a second kind of picture made of these, one change after the other: invert (255 - "
                   "value), edges (Sobel magnitude / 4)")
      ->delimiter(',')
      ->default_str("none")
      ->type_name("none|invert|edges,...");
  options->detector.add(*command, embed::kDetectorOptions, "Face detection");
  options->detector.add(*command, embed::kPictureOptions, "Face detection");
  command->footer(
      "Images are stored identity by identity in the natural order of the names, so the digits of MNIST have "
      "the\n"
      "labels 0 to 9. Two sources with the same PREFIX share identities of the same name.\n\n"
      "Examples:\n"
      "  triplet-train pack --out mnist.safetensors train-images-idx3-ubyte.gz\n"
      "  triplet-train pack --out drawn.safetensors --transform edges,invert train-images-idx3-ubyte.gz\n"
      "  triplet-train pack --out faces.safetensors --detect --context 1.25 --min-images 2 celeba=crops/ "
      "lfw=lfw/\n"
      "  triplet-train pack --out test.safetensors --weights faces-weights.safetensors --detect people/");
  command->callback([command, options, &action] {
    action = [command, options] {
      if (options->detect && no_rule_is_said(*command)) take_default_rule(*options);
      return pack(*options);
    };
  });
}

}  // namespace training::cli
