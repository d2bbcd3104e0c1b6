// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/gallery_file.h"

#include <filesystem>
#include <limits>

#include "command_line/console.h"
#include "embed/error.h"
#include "embed/safetensors.h"
#include "embed/update_gallery.h"
#include "enrolment/crops.h"

namespace gallery_tool {

namespace {

/// Thrown out of update_gallery(), which then leaves the file alone.
struct NothingChanged {};

/// An empty gallery for the weights of that file, which must be a gallery's.
embed::Gallery empty_like(const std::string& path) {
  const embed::SafetensorsFile file(path, embed::Contents::Header);
  // Which versions can be read is told when it is loaded.
  file.require_kind("tripletembed.gallery", std::numeric_limits<int>::max());
  return embed::Gallery(embed::Metric::Cosine, file.metadata_at("weights_sha256"));
}

}  // namespace

void change_gallery(const std::string& path, const embed::Gallery& fresh,
                    const std::function<bool(embed::Gallery&)>& change) {
  try {
    const embed::Gallery changed = embed::update_gallery(
        path, fresh,
        [&](embed::Gallery& gallery) {
          if (!change(gallery)) throw NothingChanged();
        },
        [&] {
          command_line::print_error("%s: another program is changing it, waiting for it\n", path.c_str());
        });
    enrolment::remove_stale_crops(path, changed);
  } catch (const NothingChanged&) {
  } catch (const embed::Error& error) {
    if (!error.file().empty()) throw;
    throw embed::Error(error.code(), error.what(), path);
  }
}

void change_gallery(const std::string& path, const std::function<bool(embed::Gallery&)>& change) {
  change_gallery(path, empty_like(path), change);
}

void require_gallery_of(const std::string& path, const std::string& weights_sha256) {
  // The whole file is read again for the error, which says more.
  if (std::filesystem::exists(path) && empty_like(path).weights_sha256() != weights_sha256)
    embed::Gallery::load(path, weights_sha256);
}

void add_gallery(CLI::App& command, std::string& path) {
  command.add_option("gallery", path, "The gallery's file")->required()->type_name("GALLERY");
}

void add_json(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "One JSON object on the standard output");
}

CLI::Option* add_row_ids(CLI::App& command, std::vector<std::string>& ids, const std::string& help) {
  return command.add_option("--row", ids, help + "; several with commas between them, or --row again")
      ->type_name("ID")
      ->allow_extra_args(false)
      ->delimiter(',');
}

}  // namespace gallery_tool
