// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/pack_sources.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/utf8.h"
#include "command_line/folders.h"
#include "embed/error.h"
#include "pictures/pictures.h"

namespace training::cli {

namespace {

namespace fs = std::filesystem;
using command_line::status_of;
using embed::Error;
using embed::ErrorCode;

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

/// Without those that are hidden.
std::vector<fs::path> seen_entries(const fs::path& folder) {
  std::vector<fs::path> entries = command_line::sorted_entries(folder);
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [](const fs::path& path) { return path.filename().string().front() == '.'; }),
                entries.end());
  return entries;
}

/// Where samples of one source go.
struct Target {
  std::string prefix;  // "" or "PREFIX/"
  const std::set<std::string>& people;
  std::size_t origin;
  Listing& listing;

  bool wants(const std::string& name) const { return people.empty() || people.count(name) != 0; }
  void add(const std::string& name, Sample sample) const {
    sample.origin = origin;
    listing.classes[prefix + name].push_back(std::move(sample));
  }
};

void list_folder(const fs::path& root, const Target& target) {
  pictures::require_pictures();
  bool any_identity = false;
  std::size_t pictures = 0;
  for (const fs::path& folder : seen_entries(root)) {
    const std::string name = folder.filename().string();
    const fs::file_status status = status_of(folder);
    if (fs::is_symlink(folder) && !fs::exists(status)) {
      if (target.wants(name))
        target.listing.missing_files.push_back(folder.string() + ": no identity folder (a link to nowhere)");
      continue;
    }
    if (!fs::is_directory(status)) {
      pictures += pictures::is_picture_path(name) ? 1 : 0;
      target.listing.skipped.push_back(folder.string());
      continue;
    }
    any_identity = true;
    if (!target.wants(name)) continue;
    bool any_image = false;
    for (const fs::path& file : seen_entries(folder)) {
      const fs::file_status what = status_of(file);
      if (!pictures::is_picture_path(file.string()) || fs::is_directory(what)) {
        target.listing.skipped.push_back(file.string());
        continue;
      }
      any_image = true;
      if (!fs::is_regular_file(what)) {
        target.listing.missing_files.push_back(file.string() + ": no image file (a link to nowhere?)");
        continue;
      }
      Sample sample;
      sample.path = file.string();
      sample.source = target.prefix + name + "/" + file.filename().string();
      target.add(name, std::move(sample));
    }
    if (!any_image) target.listing.empty_folders.push_back(folder.string());
  }
  if (!any_identity) {
    throw Error(ErrorCode::Format,
                "no identity folders in it" +
                    (pictures == 0 ? std::string() : ", but " + std::to_string(pictures) + " pictures") +
                    "; root/identity/*.jpg expected",
                root.string());
  }
  target.listing.has_files = true;
}

void list_idx(const std::string& path, const std::string& labels, const Target& target) {
  target.listing.idx_sets.push_back(std::make_unique<IdxSet>(read_idx(path, labels)));
  const IdxSet& set = *target.listing.idx_sets.back();
  const std::string file = fs::path(path).filename().string();
  for (std::size_t i = 0; i < set.count; ++i) {
    const std::string name = std::to_string(set.labels[i]);
    if (!target.wants(name)) continue;
    Sample sample;
    sample.idx = &set;
    sample.index = i;
    sample.source = file + ":" + std::to_string(i);
    target.add(name, std::move(sample));
  }
}

/// One line of comma-separated values; a field in double quotes may hold commas and doubled quotes.
/// False when a quote is not closed or text follows one.
bool split_csv(const std::string& line, std::vector<std::string>& fields) {
  fields.assign(1, "");
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ',') {
      fields.emplace_back();
    } else if (line[i] == '"' && fields.back().empty()) {
      for (++i;; ++i) {
        if (i >= line.size()) return false;
        if (line[i] != '"') {
          fields.back() += line[i];
        } else if (i + 1 < line.size() && line[i + 1] == '"') {
          fields.back() += line[++i];
        } else {
          break;
        }
      }
      if (i + 1 < line.size() && line[i + 1] != ',') return false;
    } else {
      fields.back() += line[i];
    }
  }
  return true;
}

bool next_line(std::istream& input, std::string& line) {
  if (!std::getline(input, line)) return false;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

std::ifstream open_text(const std::string& path) {
  if (!fs::exists(path)) throw Error(ErrorCode::NotFound, "no such file", path);
  std::ifstream input(path);
  if (!input || fs::is_directory(path)) throw Error(ErrorCode::Io, "cannot be read", path);
  return input;
}

void list_csv(const std::string& path, const Target& target) {
  pictures::require_pictures();
  std::ifstream input = open_text(path);
  std::string line;
  std::vector<std::string> fields;
  std::size_t number = 0, samples = 0;
  std::map<std::string, std::pair<std::string, std::size_t>> seen;  // Label and line, by path.
  while (next_line(input, line)) {
    ++number;
    if (number == 1 && line.compare(0, 3, "\xEF\xBB\xBF") == 0)
      line.erase(0, 3);  // Spreadsheets' UTF-8 mark.
    if (line.empty()) continue;
    const std::string where = "line " + std::to_string(number);
    if (!is_utf8(line)) throw Error(ErrorCode::Format, "not UTF-8 text", path, where);
    if (!split_csv(line, fields)) throw Error(ErrorCode::Format, "a quote is not closed", path, where);
    if (number == 1 && fields == std::vector<std::string>{"path", "label"}) continue;
    if (fields.size() != 2 || fields[0].empty() || fields[1].empty()) {
      throw Error(ErrorCode::Format, "'" + line + "', `path,label` expected", path, where);
    }
    ++samples;
    const auto& [label, first] = seen.try_emplace(fields[0], fields[1], number).first->second;
    if (label != fields[1]) {
      throw Error(ErrorCode::Format,
                  fields[0] + " is '" + fields[1] + "', but '" + label + "' in line " + std::to_string(first),
                  path, where);
    }
    if (!target.wants(fields[1])) continue;
    const fs::path file = fs::path(path).parent_path() / fields[0];  // an absolute one stays as it is
    std::error_code failure;
    if (!fs::is_regular_file(file, failure)) {
      target.listing.missing_files.push_back(path + ": " + where + ": no such image file: " + file.string());
      continue;
    }
    Sample sample;
    sample.path = file.string();
    sample.source = target.prefix + fields[0];
    target.add(fields[1], std::move(sample));
  }
  if (samples == 0) throw Error(ErrorCode::Format, "no `path,label` line in it", path);
  target.listing.has_files = true;
}

}  // namespace

void list_source(const std::string& source, const std::string& labels, const std::set<std::string>& people,
                 std::size_t origin, Listing& listing) {
  std::string path = source;
  Target target{"", people, origin, listing};
  const std::size_t equals = source.find('=');
  if (equals != std::string::npos && equals > 0 && !fs::exists(status_of(source))) {
    target.prefix = source.substr(0, equals) + "/";
    path = source.substr(equals + 1);
    if (!is_utf8(target.prefix)) throw Error(ErrorCode::InvalidArgument, "PREFIX is not UTF-8 text", source);
  }
  const fs::file_status status = status_of(path);
  if (!fs::exists(status)) throw Error(ErrorCode::NotFound, "no such file or folder", path);
  if (fs::is_directory(status)) {
    list_folder(path, target);
  } else if (lower_extension(path) == ".csv") {
    list_csv(path, target);
  } else if (pictures::is_picture_path(path)) {
    throw Error(ErrorCode::Format, "a picture alone; root/identity/*.jpg, an IDX file or a CSV expected",
                path);
  } else {
    list_idx(path, labels, target);
  }
}

static bool is_foreign_picture(const std::string& path) {
  constexpr const char* kForeign[] = {".heic", ".heif", ".avif", ".gif"};
  const std::string extension = lower_extension(path);
  return std::any_of(std::begin(kForeign), std::end(kForeign),
                     [&](const char* name) { return extension == name; });
}

void say_skipped(const Listing& listing) {
  if (listing.skipped.empty()) return;
  std::fprintf(stderr,
               "not looked at: %zu that are no pictures NAME/*.jpg (png, webp, tif, bmp, pgm, …): %s\n",
               listing.skipped.size(), command_line::first_of(listing.skipped).c_str());
  const auto foreign = std::count_if(listing.skipped.begin(), listing.skipped.end(), is_foreign_picture);
  if (foreign > 0)
    std::fprintf(stderr, "%td of them are pictures of a kind that is not read: convert them to JPEG or PNG\n",
                 foreign);
}

std::set<std::string> read_people(const std::string& path) {
  std::ifstream input = open_text(path);
  std::set<std::string> names, with_count;
  std::string line;
  while (next_line(input, line)) {
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos) with_count.insert(line.substr(0, tab));
    if (!line.empty()) names.insert(line);
  }
  // In LFW's lists each name has a count behind a tab; the other lines are how many folds and people there
  // are.
  if (!with_count.empty()) names = std::move(with_count);
  if (names.empty()) throw Error(ErrorCode::Format, "no name in this people list", path);
  return names;
}

}  // namespace training::cli
