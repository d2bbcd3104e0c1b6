// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "embed/track_evidence.h"
#include "sessions/embed_session.h"

namespace embed::gst {

/// What a user does with the people of a running stream: each is at once in use, and in the gallery's file
/// where the session has one (see LiveGallery::change). All functions throw Error; its text says why, and
/// whether the change is in use all the same. Names are taken in any spelling that person_name() makes the
/// same. Thread-safe.
class GalleryActions {
 public:
  /// `session` must outlive this.
  explicit GalleryActions(EmbedSession& session) : session_(session) {}

  /// Adds the faces of a track to a person, who may be new: the one of the best quality and, of several, the
  /// mean of all. Throws Error(NotFound) for a track of which no face was embedded and for one that has been
  /// gone for ten seconds.
  void enroll(const std::string& name, int track);
  /// Says that the faces of a track are not the person's: as counter-examples, so that faces which are nearer
  /// to them than to the person's own stay unnamed. Throws as enroll(), and Error(NotFound) for nobody.
  void reject(const std::string& name, int track);
  /// Makes a person, who may be there, of a group of strangers (`unknown-3`), with a row for each of its
  /// tracks, and forgets the group. Throws as Strangers::group() does, and Error(InvalidArgument) where
  /// nobody is told apart.
  void name_stranger(const std::string& group, const std::string& name);
  /// Removes a person. Throws Error(NotFound).
  void forget(const std::string& name);
  /// As Gallery::rename and Gallery::merge.
  void rename(const std::string& from, const std::string& to);
  void merge(const std::string& from, const std::string& into);
  /// As LiveGallery::save and LiveGallery::reload.
  void save();
  void reload();

  /// For a name of another spelling than it is kept in: a sentence that says so, the first time for each.
  /// Nothing else, and for what is no name.
  std::optional<std::string> remark_on(const std::string& name);

 private:
  TrackEvidence evidence(int track) const;
  void add(const std::string& name, int track, Role role);

  EmbedSession& session_;
  std::mutex told_mutex_;  // Guards told_ alone; no other lock is taken under it.
  std::set<std::string> told_;
};

}  // namespace embed::gst
