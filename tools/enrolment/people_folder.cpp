// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/people_folder.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <set>

#include "command_line/folders.h"
#include "embed/error.h"

namespace enrolment {

namespace {

namespace fs = std::filesystem;
using command_line::sorted_entries;
using command_line::status_of;
using embed::Error;
using embed::ErrorCode;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Synology's, QNAP's and Apple's folders, the bins of Windows and of file servers, what fsck found, and the
/// desktops' caches of small pictures. Names with a dot in front (.DS_Store, ._x.jpg, .Trash-1000) are theirs
/// too.
bool is_left_behind(const std::string& name) {
  constexpr const char* kNames[] = {"@eadir",
                                    "@tmp",
                                    "@recycle",
                                    "@recently-snapshot",
                                    "#recycle",
                                    "#snapshot",
                                    "__macosx",
                                    "lost+found",
                                    "$recycle.bin",
                                    "recycler",
                                    "thumbs.db",
                                    "ehthumbs.db",
                                    "desktop.ini",
                                    "icon\r",
                                    "picasa.ini",
                                    "network trash folder",
                                    "system volume information",
                                    "temporary items"};
  const std::string plain = lower(name);
  return name.front() == '.' ||
         std::any_of(std::begin(kNames), std::end(kNames), [&](const char* one) { return plain == one; });
}

bool is_foreign(const fs::path& path) {
  constexpr const char* kForeign[] = {".heic", ".heif", ".avif", ".gif", ".jxl"};
  const std::string extension = lower(path.extension().string());
  return std::any_of(std::begin(kForeign), std::end(kForeign),
                     [&](const char* name) { return extension == name; });
}

class Reader {
 public:
  Reader(const std::function<bool(const std::string&)>& is_picture, PeopleFolder& found)
      : is_picture_(is_picture), found_(found) {}

  /// The pictures of a person's folder and of those in it. A link back to a folder that is being read is no
  /// folder of its own.
  void person(const fs::path& folder, std::vector<std::string>& pictures) {
    const fs::path real = fs::canonical(folder);
    if (!open_.insert(real).second) return;
    for (const fs::path& path : sorted_entries(folder)) entry(path, pictures);
    open_.erase(real);
  }

 private:
  void entry(const fs::path& path, std::vector<std::string>& pictures) {
    if (is_left_behind(path.filename().string())) {
      found_.left_behind.push_back(path.string());
      return;
    }
    const fs::file_status status = status_of(path);
    if (fs::is_directory(status)) {
      person(path, pictures);
    } else if (!is_picture_(path.string())) {
      (is_foreign(path) ? found_.foreign : found_.others).push_back(path.string());
    } else if (!fs::is_regular_file(status)) {
      found_.missing.push_back(path.string());
    } else {
      pictures.push_back(path.string());
    }
  }

  const std::function<bool(const std::string&)>& is_picture_;
  PeopleFolder& found_;
  std::set<fs::path> open_;
};

}  // namespace

PeopleFolder read_people_folder(const std::string& folder,
                                const std::function<bool(const std::string&)>& is_picture) {
  const fs::file_status status = status_of(folder);
  if (!fs::exists(status)) throw Error(ErrorCode::NotFound, "no such folder", folder);
  if (!fs::is_directory(status))
    throw Error(ErrorCode::Format, "no folder; one with a folder for each person expected", folder);
  PeopleFolder found;
  Reader reader(is_picture, found);
  bool anybody = false;
  std::size_t pictures = 0;
  for (const fs::path& path : sorted_entries(folder)) {
    const std::string name = path.filename().string();
    if (is_left_behind(name)) {
      found.left_behind.push_back(path.string());
      continue;
    }
    const fs::file_status what = status_of(path);
    if (fs::is_symlink(path) && !fs::exists(what)) {
      found.missing.push_back(path.string());
    } else if (!fs::is_directory(what)) {
      pictures += is_picture(name) ? 1 : 0;
      found.others.push_back(path.string());
    } else {
      anybody = true;
      std::vector<std::string> of_person;
      reader.person(path, of_person);
      if (of_person.empty()) {
        found.empty.push_back(path.string());
      } else {
        found.people.emplace(name, std::move(of_person));
      }
    }
  }
  if (!anybody) {
    throw Error(ErrorCode::Format,
                "no folders of people in it" +
                    (pictures == 0 ? std::string() : ", but " + std::to_string(pictures) + " pictures") +
                    "; " + (folder.back() == '/' ? folder : folder + "/") + "NAME/*.jpg expected",
                folder);
  }
  return found;
}

}  // namespace enrolment
