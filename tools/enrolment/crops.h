// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "embed/gallery.h"
#include "enrolment/apply.h"

namespace enrolment {

/// The folder beside a gallery's file that holds the crops of its rows, when they are kept: GALLERY.crops.
std::string crops_folder(const std::string& gallery_file);

/// A row's crop in that folder: ROW-ID.jpg, whether it is there or not.
std::string crop_file(const std::string& gallery_file, const std::string& row_id);

/// Writes the crops of rows that were added. A folder that is not there is made for its owner alone, since
/// crops are personal. Throws embed::Error(Io).
void keep_crops(const std::string& gallery_file, const embed::Gallery& gallery,
                const std::vector<NewRow>& rows, const face_reader::FaceReader& reader);

/// Removes the crops of rows that the gallery has not. A folder that is not there has none. Throws
/// embed::Error(Io).
void remove_stale_crops(const std::string& gallery_file, const embed::Gallery& gallery);

}  // namespace enrolment
