// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace serve {

/// Pictures of a gallery's rows are crops in its folder of crops (enrolment/crops.h), each called as its row.

/// The file of a row's picture, without what stands behind the dot. `row`: checked by is_row_id().
std::string row_picture(const std::string& gallery, const std::string& row);
/// 12 hex digits: a name that leads out of no folder.
bool is_row_id(const std::string& id);
/// Keeps a picture of a row. `pnm`: the bytes of a PPM or PGM file. Folder and file are their owner's alone.
/// Throws embed::Error(Io).
void write_row_picture(const std::string& gallery, const std::string& row, const std::string& pnm);

}  // namespace serve
