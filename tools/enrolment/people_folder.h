// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "command_line/names.h"

namespace enrolment {

/// What a folder holds, in which each person has a folder: DIR/NAME/…/picture.jpg.
struct PeopleFolder {
  /// The pictures of each, in natural order, by the folder's name as it is spelt; those of its sub-folders
  /// too.
  std::map<std::string, std::vector<std::string>, command_line::NaturalLess> people;
  std::vector<std::string> empty;    ///< Folders of people without any picture.
  std::vector<std::string> missing;  ///< Links to nowhere, and what is neither a file nor a folder.
  std::vector<std::string> foreign;  ///< Pictures of a kind that is not read (HEIC, AVIF, GIF).
  std::vector<std::string> others;   ///< Other files, and pictures beside the folders of people.
  /// What file servers, archives and desktops leave in folders: `@eaDir`, `__MACOSX`, `Thumbs.db`, `._x.jpg`
  /// and their like, and all names with a dot in front. Nothing of it is looked at.
  std::vector<std::string> left_behind;
};

/// Reads such a folder. `is_picture`: whether a file of this name is read as a picture. Throws
/// embed::Error(NotFound | Io | Format): Format where no person has a folder in it.
PeopleFolder read_people_folder(const std::string& folder,
                                const std::function<bool(const std::string&)>& is_picture);

}  // namespace enrolment
