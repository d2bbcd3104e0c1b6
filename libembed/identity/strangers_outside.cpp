// SPDX-License-Identifier: LGPL-2.1-or-later
// What processes other than the pipeline may do with a file of strangers.
#include "identity/strangers_outside.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "embed/error.h"
#include "embed/file_lock.h"
#include "embed/safetensors.h"
#include "embed/strangers.h"
#include "files/atomic_file.h"
#include "identity/stranger_crops.h"
#include "identity/strangers_file.h"
#include "identity/told_group.h"

namespace embed {
namespace identity {
namespace {

// As many as there are groups at most.
constexpr std::size_t kMostWishes = 65'536;

void write_wishes(const std::string& path, const std::set<std::uint64_t>& wishes) {
  std::string text;
  for (const std::uint64_t number : wishes) text += stranger_label(number) + '\n';
  AtomicFile file(wishes_file(path), Readers::Owner);
  file.write(text.data(), text.size());
  file.commit();
}

/// The lock of a file of strangers, unless a pipeline has it.
std::optional<FileLock> lock_if_free(const std::string& path) {
  struct Busy {};
  try {
    return std::optional<FileLock>(std::in_place, path, [] { throw Busy(); });
  } catch (const Busy&) {
    return std::nullopt;
  }
}

/// Takes the groups out of the file itself. The caller holds its lock.
void forget_in_file(const std::string& path, const std::set<std::uint64_t>& wishes) {
  const std::string weights = stranger_weights(path);
  StrangersContent content = read_strangers(path);
  auto& groups = content.groups;
  groups.erase(std::remove_if(groups.begin(), groups.end(),
                              [&](const Group& group) { return wishes.count(group.number) != 0; }),
               groups.end());
  write_strangers(path, weights, content);
  std::set<std::uint64_t> left;
  for (const Group& group : groups) left.insert(group.number);
  remove_crops(path + ".crops", left);
}

}  // namespace

std::string wishes_file(const std::string& path) {
  return behind_links(path) + ".forget";
}

std::set<std::uint64_t> read_wishes(const std::string& path) {
  const std::string name = wishes_file(path);
  std::error_code failed;
  if (!std::filesystem::exists(name, failed)) return {};
  std::ifstream file(name);
  std::set<std::uint64_t> wishes;
  for (std::string line; std::getline(file, line);) {
    try {
      wishes.insert(stranger_number(line));
    } catch (const Error& error) {
      throw Error(ErrorCode::Format, error.what(), name);
    }
    if (wishes.size() > kMostWishes) throw Error(ErrorCode::Format, "at most 65,536 lines expected", name);
  }
  // It may have gone since: then nobody wishes anything.
  if (file.bad() || (!file.is_open() && std::filesystem::exists(name, failed)))
    throw Error(ErrorCode::Io, "cannot be read", name);
  return wishes;
}

void drop_wishes(const std::string& path) {
  std::error_code failed;
  std::filesystem::remove(wishes_file(path), failed);
  if (failed) throw Error(ErrorCode::Io, "cannot be removed: " + failed.message(), wishes_file(path));
}

}  // namespace identity

std::vector<StrangerGroup> read_stranger_groups(const std::string& path) {
  // The wishes first: a pipeline takes them away once the groups are gone from the file.
  const std::set<std::uint64_t> wishes = identity::read_wishes(path);
  identity::StrangersContent content = identity::read_strangers(path);
  // As in a store: a file without cameras is of an unnamed one.
  if (content.cameras.empty()) content.cameras.emplace_back();
  std::vector<StrangerGroup> all;
  for (const identity::Group& group : content.groups)
    if (wishes.count(group.number) == 0) all.push_back(identity::told(group, content.cameras));
  return all;
}

std::string stranger_weights(const std::string& path) {
  const SafetensorsFile file(path, Contents::Header);
  file.require_kind("tripletembed.strangers", 1);
  return file.metadata_at("weights_sha256");
}

void take_stranger_group(const std::string& path, std::string_view label,
                         const std::function<void(const StrangerGroup&, const std::string&)>& use) {
  const std::uint64_t number = stranger_number(label);
  const std::string weights = stranger_weights(path);
  const FileLock lock(identity::wishes_file(path));
  const std::vector<StrangerGroup> groups = read_stranger_groups(path);
  const auto group = std::find_if(groups.begin(), groups.end(),
                                  [&](const StrangerGroup& one) { return one.number == number; });
  if (group == groups.end())
    throw Error(ErrorCode::NotFound, "there is no stranger '" + std::string(label) + "'", path);
  use(*group, weights);
  std::set<std::uint64_t> wishes = identity::read_wishes(path);
  wishes.insert(number);
  identity::write_wishes(path, wishes);
  if (const auto file = identity::lock_if_free(path)) {
    identity::forget_in_file(path, wishes);
    identity::drop_wishes(path);
  }
}

}  // namespace embed
