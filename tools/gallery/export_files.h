// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "embed/gallery.h"

/// A gallery's own rows for other programs, in the order of the gallery: row i of each form is the same one.
namespace gallery_tool {

/// NumPy's file of an array [rows, 128] of little-endian float32 in C order (format 1.0).
std::string rows_as_npy(const embed::Gallery& gallery);

/// A table with a head: row, label_id, name, person_id, row_id, quality, time, source. Fields stand in quotes
/// where they need them (RFC 4180); what nobody knows is empty.
std::string rows_as_csv(const embed::Gallery& gallery);

/// One object: gallery, metric, threshold, weights_sha256, and people with id, note and rows. `embeddings`:
/// with the 128 values of each row.
std::string people_as_json(const std::string& gallery_file, const embed::Gallery& gallery, bool embeddings);

}  // namespace gallery_tool
