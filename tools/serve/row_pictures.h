// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <set>
#include <string>

namespace serve {

/// Pictures of a gallery's rows: files in the folder GALLERY.crops, each called as its row (row_id()). They
/// are kept where that was asked for alone, and go with their rows.

/// The file of a row's picture, without what stands behind the dot. `row`: checked by is_row_id().
std::string row_picture(const std::string& gallery, const std::string& row);
/// 12 hex digits: a name that leads out of no folder.
bool is_row_id(const std::string& id);
/// `pnm`: the bytes of a PPM or PGM file. Folder and file are their owner's alone. Throws embed::Error(Io).
void write_row_picture(const std::string& gallery, const std::string& row, const std::string& pnm);
/// Throws embed::Error(Io).
void remove_row_pictures(const std::string& gallery, const std::set<std::string>& rows);

}  // namespace serve
