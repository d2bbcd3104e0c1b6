// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "embed/gallery.h"
#include "gallery/output.h"

namespace gallery_tool {

/// What check_report() found, as a page of HTML that needs no other file: the findings, with the pictures of
/// rows whose crops are kept beside the gallery's file, and what the threshold does. It has no script, and
/// forbids itself all that it could load.
std::string check_page(const std::string& gallery_file, const embed::Gallery& gallery, const Json& report);

}  // namespace gallery_tool
