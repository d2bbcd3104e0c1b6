// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "embed/gallery.h"
#include "enrolment/apply.h"

namespace enrolment {

/// The folder beside a gallery's file that holds the crops of its rows, when they are kept: GALLERY.crops.
std::string crops_folder(const std::string& gallery_file);

/// A row's crop in that folder without the file's ending, which is .jpg, .png, .ppm or .pgm.
std::string crop_file(const std::string& gallery_file, const std::string& row_id);

/// Writes the crops of these rows. A folder that is not there is made for its owner alone, since
/// crops are personal. Throws embed::Error(Io).
void keep_crops(const std::string& gallery_file, const embed::Gallery& gallery,
                const std::vector<PlacedRow>& rows, const face_reader::FaceReader& reader);

/// Copies the crops of these rows to those beside another gallery's file, as keep_crops() makes them. Those
/// that are not kept are passed over. Throws embed::Error(Io).
void copy_crops(const std::string& from_gallery, const std::string& to_gallery,
                const std::vector<std::string>& row_ids);

/// Removes the crops of rows that the gallery has not. A folder that is not there has none. Throws
/// embed::Error(Io).
void remove_stale_crops(const std::string& gallery_file, const embed::Gallery& gallery);

}  // namespace enrolment
