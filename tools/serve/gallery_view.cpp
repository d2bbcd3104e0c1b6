// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serve/gallery_view.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string_view>
#include <thread>

#include "embed/error.h"
#include "embed/safetensors.h"
#include "embed/update_gallery.h"
#include "enrolment/crops.h"
#include "serve/errors.h"

namespace serve {

namespace {

constexpr int kAttempts = 50;
constexpr std::chrono::milliseconds kBetweenAttempts{100};

/// Of ASCII; names in other scripts stand behind, in the order of their characters.
std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::vector<std::int64_t> sorted_by_name(const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  keys.reserve(names.size());
  for (const std::string& name : names) keys.push_back(lower(name));
  std::vector<std::int64_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)];
  });
  return order;
}

std::size_t mix(std::size_t seed, std::string_view bytes) {
  return (seed ^ std::hash<std::string_view>()(bytes)) * 0x9E3779B97F4A7C15U;
}

struct Busy {};

}  // namespace

GallerySnapshot::GallerySnapshot(embed::Gallery read, std::string of)
    : gallery(std::move(read)),
      own(gallery),
      counter_examples(gallery, embed::Role::CounterExample),
      by_name(sorted_by_name(gallery.names())),
      state(std::move(of)) {}

std::string GallerySnapshot::version(std::int64_t label_id) const {
  std::size_t digest = mix(mix(0, gallery.name(label_id)), gallery.note(label_id));
  for (const embed::Role role : {embed::Role::Own, embed::Role::CounterExample}) {
    digest = mix(digest, "rows");
    for (const std::size_t r : (role == embed::Role::Own ? own : counter_examples).of(label_id))
      digest = mix(digest, {reinterpret_cast<const char*>(gallery.row(r, role)), sizeof(embed::Embedding)});
  }
  return std::to_string(digest);
}

std::int64_t find_by_id(const embed::Gallery& gallery, const std::string& id) {
  for (std::size_t i = 0; i < gallery.names().size(); ++i) {
    const auto label_id = static_cast<std::int64_t>(i);
    if (gallery.person_id(label_id) == id) return label_id;
  }
  throw conflict("somebody has removed this person meanwhile, or made them one with another");
}

std::int64_t find_by_id(const GallerySnapshot& snapshot, const std::string& id, const std::string& version) {
  const std::int64_t label_id = find_by_id(snapshot.gallery, id);
  if (snapshot.version(label_id) != version)
    throw conflict("somebody has changed '" + snapshot.gallery.name(label_id) +
                   "' meanwhile: look, and decide again");
  return label_id;
}

std::string GalleryView::state() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return "none";
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" +
         std::to_string(info.st_size) + ":" + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec);
}

embed::Gallery GalleryView::read() const {
  try {
    return embed::Gallery::load(path_);
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::NotFound || fresh_.weights_sha256().empty()) throw;
    return fresh_;
  }
}

std::shared_ptr<const GallerySnapshot> GalleryView::get() {
  const std::lock_guard lock(loading_);
  const std::string now = state();
  if (!snapshot_ || snapshot_->state != now) snapshot_ = std::make_shared<const GallerySnapshot>(read(), now);
  return snapshot_;
}

void GalleryView::change(const std::function<void(embed::Gallery&, const GallerySnapshot&)>& change) {
  const embed::Gallery fresh(get()->gallery.metric(), get()->gallery.weights_sha256());
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    try {
      const embed::Gallery changed = embed::update_gallery(
          path_, fresh,
          [&](embed::Gallery& gallery) {
            const GallerySnapshot snapshot(gallery, {});
            change(gallery, snapshot);
          },
          [] { throw Busy(); });
      enrolment::remove_stale_crops(path_, changed);
      return;
    } catch (const Busy&) {
      std::this_thread::sleep_for(kBetweenAttempts);
    }
  }
  throw Refusal(503, "busy", "another program is at work on the gallery: try again");
}

}  // namespace serve
