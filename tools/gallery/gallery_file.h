// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "embed/gallery.h"

namespace gallery_tool {

/// Changes a gallery, as embed::update_gallery() does with `fresh`; says so when it waits for another writer.
/// The file stays as it is when `change` returns false. Crops of rows that are gone are removed. Throws what
/// update_gallery throws, with the file's name.
void change_gallery(const std::string& path, const embed::Gallery& fresh,
                    const std::function<bool(embed::Gallery&)>& change);
/// The same for a gallery that is there. Throws Error(NotFound) too, where there is no file.
void change_gallery(const std::string& path, const std::function<bool(embed::Gallery&)>& change);

/// For a gallery that is there: that it was made with the weights of that SHA-256. Throws Error(Mismatch) if
/// not, and as loading it does.
void require_gallery_of(const std::string& path, const std::string& weights_sha256);

/// Adds the gallery as the command's first argument.
void add_gallery(CLI::App& command, std::string& path);
/// Adds `--json`.
void add_json(CLI::App& command, bool& json);
/// Adds `--row`, ids of rows as row_id() makes them.
CLI::Option* add_row_ids(CLI::App& command, std::vector<std::string>& ids, const std::string& help);

}  // namespace gallery_tool
