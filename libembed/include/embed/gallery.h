// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "embed/embedding.h"

namespace embed {

/// How to decide who a face is.
struct MatchOptions {
  Metric metric = Metric::Cosine;
  /// Beyond this distance the face is unknown ("far"). Absent: no face is too far.
  std::optional<float> threshold;
  /// The face is unknown ("ambiguous") when the runner-up's distance exceeds the winner's by less than this.
  /// 0: never.
  float margin = 0.0F;
  /// How many neighbours vote, 1 to 1024; a tie goes to the label with the nearest neighbour.
  std::size_t k = 1;
};

/// Why a face has no name.
enum class Unknown {
  No,         ///< It has one.
  NoGallery,  ///< There is nobody to compare it with.
  Far,        ///< The nearest person is beyond the threshold.
  Ambiguous,  ///< Two people are nearly as near.
  Rejected,   ///< It is nearer to a counter-example of the nearest person than to that person's own rows.
};
const char* to_string(Unknown reason) noexcept;  ///< "", "no-gallery", "far", "ambiguous", "rejected".

/// Whose an embedding is. Labels are indices into Gallery::names(), or −1 for none.
struct Match {
  std::int64_t label_id = -1;       ///< The winner, −1 when unknown.
  std::int64_t nearest_id = -1;     ///< The winner, even when it was refused as too far or ambiguous.
  float distance = 0.0F;            ///< Of the winner's nearest row or mean. +inf for an empty gallery.
  std::int64_t runner_up_id = -1;   ///< The nearest other identity, −1 when there is none.
  float runner_up_distance = 0.0F;  ///< +inf when there is none.
  Unknown unknown = Unknown::No;
};

/// What a row is to its person.
enum class Role {
  Own,             ///< The person's face. Queries are compared with these rows.
  CounterExample,  ///< Somebody else's face that was taken for the person's: "that is not her".
};

/// How a row came into a gallery.
struct Enrolment {
  std::optional<float> quality;  ///< Of the face, 0 to 1; absent where nobody measured it.
  std::int64_t time = 0;         ///< Seconds since 1970-01-01 00:00 UTC; 0 where nobody knows.
  std::string source;            ///< Where it came from, for people to read: UTF-8, at most 4,096 bytes.
};

/// Now, as an Enrolment has it.
std::int64_t enrolment_time() noexcept;

class GalleryRows;
struct EnrolledRows;

/// Enrolled identities: rows of embeddings, each with a name. A person has one own row at least; with the
/// last one the person goes. A value type; const members are thread-safe. To change a gallery that threads
/// share, share a `std::shared_ptr<const Gallery>` and swap it. Copies share most of their rows. A row takes
/// 672 bytes (its floats, a coarse copy of 8-bit codes for the search, and the bounds of that copy) and its
/// Enrolment.
///
/// Names are taken in any spelling that person_name() makes the same; functions with a name throw
/// Error(InvalidArgument) as person_name() does.
class Gallery {
 public:
  /// An empty gallery for embeddings of the weights with that SHA-256 (see weights_sha256); empty: of unknown
  /// weights.
  explicit Gallery(Metric metric = Metric::Cosine, std::string weights_sha256 = {});

  Gallery(const Gallery& other);
  Gallery& operator=(const Gallery& other);
  Gallery(Gallery&& other) noexcept;
  Gallery& operator=(Gallery&& other) noexcept;
  ~Gallery();

  /// Throws Error(NotFound | Io | Format).
  static Gallery load(const std::string& path);
  /// As load, and throws Error(Mismatch) when the gallery was made with other weights.
  static Gallery load(const std::string& path, const std::string& weights_sha256);
  /// Writes the file atomically. A new file can be read by its owner alone; an existing one keeps its mode
  /// and owner. Whoever changes a gallery file holds a FileLock from load to save, as update_gallery() does.
  /// Throws Error(Io).
  void save(const std::string& path) const;

  /// Adds one row, and its name if it is new. A counter-example needs a name that is there: throws
  /// Error(NotFound). Throws Error(InvalidArgument) for values that are not finite and for an enrolment that
  /// is not as its fields say.
  void add(const std::string& name, const Embedding& embedding, const Enrolment& enrolment = {},
           Role role = Role::Own);
  /// Removes a person with all that is known of them; returns how many own rows there were, 0 when nobody has
  /// that name. Ids of later names move down by one.
  std::size_t remove(const std::string& name);
  /// Gives a person another name; rows, id and note stay. Throws Error(NotFound) when nobody has the first
  /// name, and Error(InvalidArgument) when somebody else has the second one.
  void rename(const std::string& from, const std::string& to);
  /// Makes one person of two: the rows of `from`, counter-examples too, become those of `into`, whose name,
  /// id and note stay (the note of `from` where `into` has none). Ids of names later than `from` move down by
  /// one. Throws Error(NotFound) when nobody has one of the names, and Error(InvalidArgument) for the same
  /// name twice.
  void merge(const std::string& from, const std::string& into);
  /// Takes own rows r < rows() out. A person who has none left goes as in remove(). Throws
  /// Error(InvalidArgument) for a row that is not there; nothing has changed then.
  void remove_rows(const std::vector<std::size_t>& rows);
  /// Gives own rows r < rows() to the person `into`; else as remove_rows(). Throws Error(NotFound) too, when
  /// nobody has that name.
  void move_rows(const std::vector<std::size_t>& rows, const std::string& into);
  /// Takes over `person` of another gallery under the name `as`, with id, note, rows and counter-examples.
  /// When somebody has that name here, they keep id and note, and get the rows that they do not have yet.
  /// Throws Error(NotFound), Error(Mismatch) for a gallery of another metric or of other weights, and
  /// Error(InvalidArgument) when that id is here under another name than `as`; nothing has changed then.
  void adopt(const Gallery& other, const std::string& person, const std::string& as);

  Metric metric() const noexcept { return metric_; }
  const std::string& weights_sha256() const noexcept { return weights_sha256_; }
  std::optional<float> threshold() const noexcept { return threshold_; }
  void set_threshold(std::optional<float> threshold) { threshold_ = threshold; }

  const std::vector<std::string>& names() const noexcept { return names_; }
  /// The name of a label id; the empty string for −1.
  const std::string& name(std::int64_t label_id) const;
  /// The label id of a name, −1 when nobody has it.
  std::int64_t find(const std::string& name) const;
  /// What tells the person of a label id from all others, under any name and in any gallery: 128 random bits
  /// as 32 hex digits. In a gallery that was read from a file of version 1 they follow from weights and name
  /// until it is saved. Empty for −1.
  std::string person_id(std::int64_t label_id) const;
  /// What a user wrote of the person; empty for nothing.
  const std::string& note(std::int64_t label_id) const;
  /// Throws Error(NotFound), and Error(InvalidArgument) unless `note` is UTF-8 of at most 4,096 bytes.
  void set_note(const std::string& name, const std::string& note);

  std::size_t rows(Role role = Role::Own) const noexcept;
  /// Row r < rows(role), [128] float32, owned by the gallery; valid until rows are removed or the gallery is
  /// destroyed.
  const float* row(std::size_t r, Role role = Role::Own) const noexcept;
  /// The label id of row r < rows(role).
  std::int64_t identity(std::size_t r, Role role = Role::Own) const noexcept;
  /// How row r < rows(role) came here; valid until the gallery changes.
  const Enrolment& enrolment(std::size_t r, Role role = Role::Own) const noexcept;
  std::size_t rows_of(std::int64_t label_id, Role role = Role::Own) const noexcept;

  /// Lets match() compare a query also with the mean of each identity that has two rows or more, which holds
  /// less of what is accidental in a single image. Means of rows of length 1 have length 1. Reads all rows
  /// once and takes 672 bytes an identity. Any change of the gallery drops the means.
  void build_means();
  /// How many vectors a query is compared with: rows and means.
  std::size_t vectors() const noexcept;

  /// The nearest-identity rule for a batch, which leaves a face unnamed that is nearer to a counter-example
  /// of the person than to the row or mean that named it: `queries` [count] → `out` [count], both owned by
  /// the caller. Up to 256 queries share one reading of the rows; a large search is spread over the process's
  /// CPUs (affinity, cgroup quota and OMP_NUM_THREADS are heeded). Throws Error(InvalidArgument) for k
  /// outside 1–1024.
  void match(const Embedding* queries, std::size_t count, const MatchOptions& options, Match* out) const;
  Match match(const Embedding& query, const MatchOptions& options) const;

 private:
  using PersonId = std::array<std::uint8_t, 16>;
  friend class GalleryReader;

  /// The label id of a name that person_name() has normalised. Throws Error(NotFound).
  std::int64_t known(const std::string& name) const;
  /// The label id of a name that person_name() has normalised and that may be new: then with this id.
  std::int64_t add_name(const std::string& name, const PersonId& id);
  /// Adds a row [128] of finite values.
  void append(std::int64_t label_id, const float* row, const Enrolment& enrolment, Role role);
  /// Takes the name out; its rows are of `heir` from here on, or gone where that is −1.
  void dissolve(std::int64_t label_id, std::int64_t heir);
  const std::unique_ptr<EnrolledRows>& rows_in(Role role) const noexcept;
  /// Rows and means. The gallery must have rows.
  const GalleryRows& looked_at() const noexcept;
  /// Makes those own rows the heir's, or takes them out where that is −1, and whoever has none left with
  /// them.
  void regroup(const std::vector<std::size_t>& rows, std::int64_t heir);
  /// Drops the means after a change.
  void drop_prepared() noexcept;

  Metric metric_;
  std::string weights_sha256_;
  std::optional<float> threshold_;
  std::unique_ptr<EnrolledRows> rows_, counter_examples_;  // Null: none.
  std::shared_ptr<const GalleryRows> with_means_;          // rows_ as they are and means, or null.
  std::vector<std::string> names_;
  std::vector<PersonId> person_ids_;  // In the order of names_, as are the notes.
  std::vector<std::string> notes_;
  std::map<std::string, std::int64_t> ids_;
};

}  // namespace embed
