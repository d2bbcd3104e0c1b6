// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/strangers.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "base/shared_slots.h"
#include "embed/error.h"
#include "embed/file_lock.h"
#include "embed/preprocess.h"
#include "identity/stranger_crops.h"
#include "identity/stranger_groups.h"
#include "identity/strangers_file.h"
#include "identity/strangers_outside.h"
#include "identity/told_group.h"

namespace embed {
namespace {

using identity::Group;
using identity::Member;
using identity::StrangerGroups;
using identity::StrangersContent;
using identity::told;

constexpr std::size_t kMostCameras = 65'536;
constexpr std::chrono::seconds kWritePause{5};

std::int64_t system_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void require(bool condition, const char* field, const char* expected) {
  if (!condition) throw Error(ErrorCode::InvalidArgument, std::string(expected) + " expected", {}, field);
}

void check(const ModelInfo& model, const StrangersOptions& options, bool has_file) {
  require(has_file || !options.keep_crops, "keep-crops", "a file of strangers to keep them beside,");
  require(options.far > 0 && options.far <= 0.5, "far", "a chance above 0 and at most 0.5");
  require(options.retention_days > 0, "retention", "more than 0 days");
  require(options.most_groups >= 1 && options.most_groups <= 65'536, "most_groups", "1 to 65,536");
  if (model.far_table.empty()) {
    throw Error(
        ErrorCode::Unsupported,
        "strangers cannot be told apart with these weights: they have no far_table, which 'triplet-train "
        "evaluate --calibrate' writes");
  }
  if (model.head != Head::L2 || model.metric == Metric::L1) {
    throw Error(
        ErrorCode::Unsupported,
        std::string("strangers cannot be told apart with these weights: the head l2 and a metric other than "
                    "l1 expected, not ") +
            to_string(model.head) + " and " + to_string(model.metric));
  }
}

std::optional<FileLock> lock_of(const std::string& path) {
  if (path.empty()) return std::nullopt;
  struct Busy {};
  const auto lock = [&path] { return std::optional<FileLock>(std::in_place, path, [] { throw Busy(); }); };
  try {
    return lock();
  } catch (const Busy&) {
  }
  // Who holds it may be take_stranger_group(), which holds this one too, and for a moment.
  const FileLock wishes(identity::wishes_file(path));
  try {
    return lock();
  } catch (const Busy&) {
    throw Error(ErrorCode::Io,
                "somebody else has these strangers in use; one process and one model at a time expected",
                path);
  }
}

}  // namespace

struct Strangers::State {
  struct Crop {
    float quality = 0;
    std::vector<std::uint8_t> pixels;  // Empty once written.
  };

  State(const ModelInfo& model, const StrangersOptions& with, std::string file)
      : options(with),
        weights_sha256(model.sha256),
        input(model.input),
        path(std::move(file)),
        lock(lock_of(path)),
        groups(model.far_table, model.metric, with) {}

  const StrangersOptions options;
  const std::string weights_sha256;
  const InputSpec input;
  const std::string path;
  std::optional<FileLock> lock;

  std::mutex saving;  // Held while the file is written; `mutex` may be taken under it.

  mutable std::mutex mutex;  // Guards all that follows; no other lock is taken under it.
  std::condition_variable wake;
  StrangerGroups groups;
  std::vector<std::string> cameras{""};
  std::vector<std::uint32_t> camera_of_stream{0};  // By the stream's number; 0 is nobody's.
  std::map<std::uint64_t, Crop> crops;             // By the numbers of groups.
  std::uint64_t saved_revision = 0;
  std::string trouble;
  bool closing = false;
  std::thread writer;

  /// The group of a label, under the mutex. Throws as Strangers::group does.
  const Group& find(std::string_view label) const {
    const Group* group = groups.find(stranger_number(label));
    if (group == nullptr)
      throw Error(ErrorCode::NotFound, "there is no stranger '" + std::string(label) + "'", path);
    return *group;
  }
  void expire(std::int64_t now) { groups.forget_before(now - identity::retention_of(options)); }
  void load();
  void save();
  void save_crops(const std::map<std::uint64_t, Crop>& unwritten, const std::vector<Group>& all) const;
  /// The crops that are to be written, which are no longer here then; forgets those of groups that are gone.
  std::map<std::uint64_t, Crop> take_crops();
  /// Forgets the groups that other processes want forgotten, in the file too. Throws Error(Io | Format).
  void heed_wishes();
  void keep_writing();
};

void Strangers::State::load() {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) {
    identity::drop_wishes(path);  // They were about a file that is gone, and its numbers begin anew.
    save();                       // Now, so that a folder that cannot be written to is told at the start.
    return;
  }
  StrangersContent content = identity::read_strangers(path, weights_sha256);
  cameras = std::move(content.cameras);
  if (cameras.empty()) cameras.emplace_back();
  groups.restore(std::move(content.groups), std::move(content.joined), content.last_number);
  const std::uint64_t before = groups.revision();
  expire(system_time());
  if (groups.revision() != before) save();
  saved_revision = groups.revision();
  heed_wishes();
}

void Strangers::State::heed_wishes() {
  // Without the lock most of the time: who writes a wish meanwhile is heard at the next look.
  if (identity::read_wishes(path).empty()) return;
  const FileLock wishing(identity::wishes_file(path));
  for (const std::uint64_t number : identity::read_wishes(path)) {
    const std::lock_guard guard(mutex);
    if (const Group* group = groups.find(number)) groups.remove(group->number);
  }
  save();
  identity::drop_wishes(path);
}

void Strangers::State::save() {
  const std::lock_guard one_at_a_time(saving);
  StrangersContent content;
  std::map<std::uint64_t, Crop> unwritten;
  std::uint64_t revision = 0;
  {
    const std::lock_guard guard(mutex);
    expire(system_time());
    content = {groups.all(), groups.joined(), groups.last_number(), cameras};
    revision = groups.revision();
    unwritten = take_crops();
  }
  identity::write_strangers(path, weights_sha256, content);
  save_crops(unwritten, content.groups);
  const std::lock_guard guard(mutex);
  saved_revision = revision;
}

std::map<std::uint64_t, Strangers::State::Crop> Strangers::State::take_crops() {
  std::map<std::uint64_t, Crop> unwritten;
  for (auto it = crops.begin(); it != crops.end();) {
    const Group* group = groups.find(it->first);
    const bool gone = group == nullptr || group->number != it->first;
    if (!gone && !it->second.pixels.empty()) {
      unwritten[it->first] = {it->second.quality, std::move(it->second.pixels)};
      it->second.pixels.clear();
    }
    it = gone ? crops.erase(it) : std::next(it);
  }
  return unwritten;
}

void Strangers::State::save_crops(const std::map<std::uint64_t, Crop>& unwritten,
                                  const std::vector<Group>& all) const {
  const std::string folder = path + ".crops";
  for (const auto& [number, crop] : unwritten) identity::write_crop(folder, number, crop.pixels, input);
  std::set<std::uint64_t> numbers;
  for (const Group& group : all) numbers.insert(group.number);
  // Also where no crops are kept now: those of a run before this one end with their groups.
  identity::remove_crops(folder, numbers);
}

void Strangers::State::keep_writing() {
  std::unique_lock guard(mutex);
  std::string told;  // Of failures in a row the first one is enough.
  while (!wake.wait_for(guard, kWritePause, [this] { return closing; })) {
    expire(system_time());
    const bool changed = groups.revision() != saved_revision;
    guard.unlock();
    std::string failed;
    try {
      heed_wishes();
      if (changed) save();
    } catch (const std::exception& error) {
      failed = error.what();
    }
    guard.lock();
    if (!failed.empty() && failed != told) trouble = failed;
    told = failed;
  }
}

Strangers::Strangers(const ModelInfo& model, const StrangersOptions& options, std::string path) {
  check(model, options, !path.empty());
  state_ = std::make_unique<State>(model, options, std::move(path));
  if (state_->path.empty()) return;
  state_->load();
  try {
    state_->writer = std::thread([state = state_.get()] { state->keep_writing(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::OutOfMemory,
                std::string("strangers: the thread that writes them cannot be started: ") + error.what(),
                state_->path);
  }
}

Strangers::~Strangers() {
  if (state_->path.empty()) return;
  {
    const std::lock_guard guard(state_->mutex);
    state_->closing = true;
  }
  state_->wake.notify_all();
  state_->writer.join();
  try {
    state_->heed_wishes();
    state_->save();
  } catch (const std::exception&) {  // As the header says.
  }
}

std::uint64_t Strangers::open_stream(const std::string& camera) {
  const std::lock_guard guard(state_->mutex);
  auto& cameras = state_->cameras;
  auto known = std::find(cameras.begin(), cameras.end(), camera);
  if (known == cameras.end() && cameras.size() < kMostCameras) known = cameras.insert(known, camera);
  if (known == cameras.end()) known = cameras.begin();
  state_->camera_of_stream.push_back(static_cast<std::uint32_t>(known - cameras.begin()));
  return state_->camera_of_stream.size() - 1;
}

void Strangers::close_stream(std::uint64_t stream) {
  const std::lock_guard guard(state_->mutex);
  state_->groups.close_stream(stream);
}

std::uint64_t Strangers::see(const StrangerSighting& sighting) {
  const std::lock_guard guard(state_->mutex);
  if (sighting.stream == 0 || sighting.stream >= state_->camera_of_stream.size() || sighting.time < 0)
    return 0;
  const std::uint64_t dropped = state_->groups.counts().dropped;
  const std::uint64_t number = state_->groups.see(sighting, state_->camera_of_stream[sighting.stream]);
  if (dropped == 0 && state_->groups.counts().dropped > 0) {
    state_->trouble = "there are more than " + std::to_string(state_->options.most_groups) +
                      " strangers; from now on those that were seen longest ago are forgotten";
  }
  return number;
}

std::uint64_t Strangers::number(std::uint64_t stream, int track) const {
  const std::lock_guard guard(state_->mutex);
  return state_->groups.number({stream, track});
}

void Strangers::offer_crop(std::uint64_t number, float quality, const std::uint8_t* crop) {
  if (!state_->options.keep_crops) return;
  const std::lock_guard guard(state_->mutex);
  const Group* group = state_->groups.find(number);
  if (group == nullptr || !(quality > 0)) return;
  State::Crop& kept = state_->crops[group->number];
  if (!(quality > kept.quality)) return;
  kept = {quality, {crop, crop + crop_bytes(state_->input)}};
  state_->groups.touch();
}

void Strangers::withdraw(std::uint64_t stream, int track) {
  const std::lock_guard guard(state_->mutex);
  state_->groups.withdraw({stream, track});
}

std::vector<StrangerGroup> Strangers::groups() const {
  const std::lock_guard guard(state_->mutex);
  std::vector<StrangerGroup> all;
  for (const Group& group : state_->groups.all()) all.push_back(told(group, state_->cameras));
  return all;
}

StrangerGroup Strangers::group(std::string_view label) const {
  const std::lock_guard guard(state_->mutex);
  return told(state_->find(label), state_->cameras);
}

std::size_t Strangers::name(std::string_view label, const std::string& person, Gallery& gallery) {
  const std::lock_guard guard(state_->mutex);
  const Group& group = state_->find(label);
  if (gallery.weights_sha256() != state_->weights_sha256)
    throw Error(ErrorCode::Mismatch, "the gallery was made with other weights than the strangers");
  Gallery with = gallery;
  add_rows(told(group, state_->cameras), person, with);
  const std::size_t rows = group.members.size();
  state_->groups.remove(group.number);
  gallery = std::move(with);
  return rows;
}

void Strangers::forget(std::string_view label) {
  const std::lock_guard guard(state_->mutex);
  state_->groups.remove(state_->find(label).number);
}

void Strangers::expire(std::int64_t now) {
  const std::lock_guard guard(state_->mutex);
  state_->expire(now);
}

void Strangers::save() {
  if (!state_->path.empty()) state_->save();
}

std::string Strangers::take_trouble() {
  const std::lock_guard guard(state_->mutex);
  return std::exchange(state_->trouble, {});
}

StrangersStats Strangers::stats() const {
  const std::lock_guard guard(state_->mutex);
  StrangersStats stats = state_->groups.counts();
  stats.groups = state_->groups.all().size();
  for (const Group& group : state_->groups.all()) stats.tracks += group.members.size();
  return stats;
}

std::shared_ptr<Strangers> share_strangers(const ModelInfo& model, const StrangersOptions& options,
                                           const std::string& path) {
  static SharedSlots<Strangers> slots;
  // By its path, since each save puts another file in its place.
  std::error_code none;
  const std::string canonical = path.empty() ? path : std::filesystem::weakly_canonical(path, none).string();
  const std::string& place = none ? path : canonical;  // What is wrong with it is told when it is opened.
  const auto slot = slots.slot(place + '\n' + model.sha256);
  const std::lock_guard lock(slot->loading);
  if (auto strangers = slot->thing.lock()) return strangers;
  auto strangers = std::make_shared<Strangers>(model, options, path);
  slot->thing = strangers;
  return strangers;
}

}  // namespace embed
