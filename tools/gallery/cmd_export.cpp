// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery export: people and rows for other programs.
#include <filesystem>
#include <memory>

#include "command_line/console.h"
#include "gallery/commands.h"
#include "gallery/export_files.h"
#include "gallery/gallery_file.h"
#include "gallery/output.h"
#include "gallery/personal_file.h"

namespace gallery_tool {

namespace {

struct ExportOptions {
  std::string gallery;
  std::vector<std::string> files;
  bool embeddings = false, json = false;
};

std::string extension_of(const std::string& path) {
  return std::filesystem::path(path).extension().string();
}

void require_forms(const ExportOptions& options) {
  bool people = false;
  for (const std::string& file : options.files) {
    const std::string extension = extension_of(file);
    people = people || extension == ".json";
    if (extension != ".npy" && extension != ".csv" && extension != ".json")
      throw CLI::ValidationError("FILE", shown(file) + ": NAME.npy, NAME.csv or NAME.json expected");
  }
  if (options.embeddings && !people) throw CLI::ValidationError("--embeddings", "a NAME.json expected");
}

std::string content(const ExportOptions& options, const embed::Gallery& gallery, const std::string& file) {
  const std::string extension = extension_of(file);
  if (extension == ".npy") return rows_as_npy(gallery);
  if (extension == ".csv") return rows_as_csv(gallery);
  return people_as_json(options.gallery, gallery, options.embeddings);
}

int write_files(const ExportOptions& options) {
  const embed::Gallery gallery = embed::Gallery::load(options.gallery);
  for (const std::string& file : options.files) write_personal_file(file, content(options, gallery, file));
  if (options.json) {
    const Json result = {{"gallery", options.gallery},
                         {"people", gallery.names().size()},
                         {"rows", gallery.rows()},
                         {"written", options.files}};
    command_line::print("%s\n", json_text(result).c_str());
    return command_line::kDone;
  }
  for (const std::string& file : options.files)
    command_line::print("%s: %s of %zu people\n", file.c_str(), counted(gallery.rows(), "row").c_str(),
                        gallery.names().size());
  return command_line::kDone;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Writes people and rows for other programs");
  add_gallery(*command, options->gallery);
  command
      ->add_option(
          "files", options->files,
          "What to write, by the name's ending: .npy the embeddings, .csv what is known of each row, "
          ".json people with their rows")
      ->required()
      ->type_name("FILE ...");
  command->add_flag("--embeddings", options->embeddings, "With the embeddings in the .json too");
  add_json(*command, options->json);
  command->footer(
      "Row i of NAME.npy ([rows, 128] float32) is line i of NAME.csv below its head, and `row` i of "
      "NAME.json.\n"
      "The files hold biometric data: new ones are for their owner alone.\n\n"
      "Examples:\n"
      "  triplet-gallery export people.safetensors rows.npy rows.csv\n"
      "  triplet-gallery export people.safetensors people.json --embeddings");
  command->callback([options, &action] {
    require_forms(*options);
    action = [options] { return write_files(*options); };
  });
}

}  // namespace gallery_tool
