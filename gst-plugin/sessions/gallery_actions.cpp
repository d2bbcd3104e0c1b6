// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/gallery_actions.h"

#include <algorithm>

#include "embed/error.h"
#include "embed/person_name.h"

namespace embed::gst {
namespace {

// Spellings that are remembered; after these nothing is said any more.
constexpr std::size_t kMostTold = 1000;

}  // namespace

TrackEvidence GalleryActions::evidence(int track) const {
  if (track <= 0) {
    throw Error(ErrorCode::InvalidArgument,
                "track " + std::to_string(track) +
                    ": 1 or more expected; triplettrack before tripletembed gives faces tracks");
  }
  const auto evidence = session_.evidence(track);
  if (!evidence) {
    throw Error(ErrorCode::NotFound,
                "track " + std::to_string(track) +
                    ": none of its faces was embedded, or it has been gone for ten seconds");
  }
  return *evidence;
}

void GalleryActions::add(const std::string& name, int track, Role role) {
  const std::string normal = person_name(name);
  const TrackEvidence faces = evidence(track);
  Enrolment enrolment;
  enrolment.quality = std::clamp(faces.best_quality(), 0.0F, 1.0F);
  enrolment.time = enrolment_time();
  enrolment.source = "track " + std::to_string(track);
  session_.live_gallery().change([=](Gallery& gallery) {
    gallery.add(normal, faces.best(), enrolment, role);
    if (faces.count() > 1) gallery.add(normal, faces.mean(), enrolment, role);
  });
}

void GalleryActions::enroll(const std::string& name, int track) {
  add(name, track, Role::Own);
}

void GalleryActions::reject(const std::string& name, int track) {
  add(name, track, Role::CounterExample);
}

void GalleryActions::name_stranger(const std::string& group, const std::string& name) {
  const auto strangers = session_.strangers();
  if (!strangers) {
    throw Error(ErrorCode::InvalidArgument,
                "strangers are told apart in READY and beyond, with weights that have a far_table");
  }
  const StrangerGroup known = strangers->group(group);
  session_.live_gallery().change(
      [known, normal = person_name(name)](Gallery& gallery) { add_rows(known, normal, gallery); });
  strangers->forget(group);
}

void GalleryActions::forget(const std::string& name) {
  session_.live_gallery().change([normal = person_name(name)](Gallery& gallery) {
    if (gallery.remove(normal) == 0)
      throw Error(ErrorCode::NotFound, "nobody in the gallery is called '" + normal + "'");
  });
}

void GalleryActions::rename(const std::string& from, const std::string& to) {
  session_.live_gallery().change([=](Gallery& gallery) { gallery.rename(from, to); });
}

void GalleryActions::merge(const std::string& from, const std::string& into) {
  session_.live_gallery().change([=](Gallery& gallery) { gallery.merge(from, into); });
}

void GalleryActions::save() {
  session_.live_gallery().save();
}

void GalleryActions::reload() {
  session_.live_gallery().reload();
}

std::optional<std::string> GalleryActions::remark_on(const std::string& name) {
  std::string normal;
  try {
    normal = person_name(name);
  } catch (const Error&) {
    return std::nullopt;  // Whoever uses the name says what is wrong with it.
  }
  if (normal == name) return std::nullopt;
  const std::lock_guard lock(told_mutex_);
  if (told_.size() >= kMostTold || !told_.insert(name).second) return std::nullopt;
  return "'" + name + "' is the same name as '" + normal + "', which is kept";
}

}  // namespace embed::gst
