// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train teach: a teacher's vectors of a packed data set's pictures, made once.
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/teachers.h"
#include "command_line/progress.h"
#include "data/run_checks.h"
#include "data/teach.h"
#include "data/teacher_vectors.h"
#include "embed/dataset.h"
#include "embed/error.h"
#include "embed/safetensors.h"

namespace training::cli {

namespace {

struct TeachOptions {
  std::string teacher, data, out;
  ViewRule views;
};

/// Views without changes would all be the same; changes are for views that a student then sees.
void require_sense(const ViewRule& views) {
  const bool changed = views.augmentation != Augmentation::None;
  if (views.count > 1 && !changed)
    throw embed::Error(embed::ErrorCode::InvalidArgument,
                       "--views: several need --aug, else they are all alike");
  if (changed && views.flip)
    throw embed::Error(embed::ErrorCode::InvalidArgument,
                       "--flip: is for pictures that --aug does not change");
}

int run_teach(const TeachOptions& options) {
  require_sense(options.views);
  require_no_input(options.out, {options.teacher, options.data});
  embed::check_writable(options.out);
  const embed::Dataset set(options.data);
  if (set.size() == 0) throw embed::Error(embed::ErrorCode::Format, "a data set without images", set.path());
  const std::unique_ptr<Teacher> teacher = open_teacher(options.teacher);
  const auto start = std::chrono::steady_clock::now();
  {
    command_line::Progress progress("teaching", set.size());
    teach(set, *teacher, options.teacher, options.views, options.out, [&] { progress.step(); });
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::size_t looks = set.size() * options.views.count * (options.views.flip ? 2 : 1);
  print("%s: %zu pictures, %zu view%s of each, by %s; %.2f ms a look\n", options.out.c_str(), set.size(),
        options.views.count, options.views.count == 1 ? "" : "s", teacher->info().name.c_str(),
        1000 * seconds / static_cast<double>(looks));
  return 0;
}

}  // namespace

void add_teach(CLI::App& app, Action& action) {
  auto options = std::make_shared<TeachOptions>();
  CLI::App* command =
      app.add_subcommand("teach", "Writes a teacher's vectors of a data set's pictures, for train --teacher");
  command
      ->add_option("--teacher", options->teacher,
                   "ONNX network, with the JSON that says how a face is cut for it beside it")
      ->required()
      ->type_name("FILE.onnx");
  command->add_option("--data", options->data, "Packed data set")->required()->type_name("SET");
  command->add_option("-o,--out", options->out, "The file of vectors to write")
      ->required()
      ->type_name("FILE.safetensors");
  command->add_flag("--flip", options->views.flip,
                    "Each vector is the mean of the picture's and its mirror image's: less noise, for faces");
  command->add_option("--views", options->views.count, "Views of each picture, each changed as --aug says")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}));
  const std::map<std::string, Augmentation> kinds = {
      {"none", Augmentation::None}, {"face", Augmentation::Face}, {"digit", Augmentation::Digit}};
  command->add_option("--aug", options->views.augmentation, "As of train, which must then be told the same")
      ->transform(CLI::CheckedTransformer(kinds, CLI::ignore_case).description(""))
      ->type_name("none|face|digit")
      ->default_str("none");
  command->add_option("--seed", options->views.seed, "Of the views")->capture_default_str();
  command->footer(
      "Without --aug the teacher sees the packed pictures, and training may change them as it likes; "
      "pictures\n"
      "are found by their sources, so the set may be packed larger than the student's. With --aug it sees "
      "the\n"
      "views that the student will see.\n\n"
      "Examples:\n"
      "  triplet-train pack --teacher teacher.onnx --as-cut --size 144 --out large.safetensors chips/\n"
      "  triplet-train teach --teacher teacher.onnx --data large.safetensors --flip --out "
      "vectors.safetensors\n"
      "  triplet-train train --data small.safetensors --teacher vectors.safetensors --aug face --out "
      "student.safetensors");
  command->callback([options, &action] { action = [options] { return run_teach(*options); }; });
}

}  // namespace training::cli
