// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "embed/gallery.h"
#include "gallery/people.h"

namespace serve {

/// A gallery as it was read once, and what the page asks of it. Immutable.
struct GallerySnapshot {
  explicit GallerySnapshot(embed::Gallery read, std::string of);

  /// The person's id and a digest of all that is shown of the person: who changes the person on grounds of
  /// what was shown sends both back.
  std::string version(std::int64_t label_id) const;

  embed::Gallery gallery;
  gallery_tool::PeopleRows own, counter_examples;
  std::vector<std::int64_t> by_name;  ///< Label ids, by the names in lower case.
  std::string state;                  ///< The state of the file that it was read from.
};

/// The person of that id, in any state. Throws Refusal where somebody has removed the person.
std::int64_t find_by_id(const embed::Gallery& gallery, const std::string& id);
/// The same, and throws Refusal where the person was changed since.
std::int64_t find_by_id(const GallerySnapshot& snapshot, const std::string& id, const std::string& version);

/// A gallery's file in the hands of this server and of others. Thread-safe.
class GalleryView {
 public:
  /// `fresh`: what it is while there is no file; of unknown weights where there has to be one.
  GalleryView(std::string path, embed::Gallery fresh) : path_(std::move(path)), fresh_(std::move(fresh)) {}
  const std::string& path() const noexcept { return path_; }

  /// What the file holds now: read again where it has changed. Throws as Gallery::load does.
  std::shared_ptr<const GallerySnapshot> get();
  /// The state of the file, another text after each change of it. Reads nothing.
  std::string state() const;

  /// Changes the file as embed::update_gallery() does, and drops the pictures of rows that are gone. `change`
  /// gets the gallery, and the same as a snapshot; what it throws leaves the file as it was. Throws Refusal
  /// where another program has been at work on it for five seconds.
  void change(const std::function<void(embed::Gallery&, const GallerySnapshot&)>& change);

 private:
  embed::Gallery read() const;

  const std::string path_;
  const embed::Gallery fresh_;
  std::mutex loading_;  // Guards snapshot_, and lets one thread read the file.
  std::shared_ptr<const GallerySnapshot> snapshot_;
};

}  // namespace serve
