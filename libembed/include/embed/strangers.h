// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embed/embedding.h"
#include "embed/gallery.h"
#include "embed/model_info.h"

namespace embed {

/// How strangers are told apart, and for how long they are kept. A value type.
struct StrangersOptions {
  /// The chance that a newcomer is taken for any of the groups, above 0 and at most 0.5.
  double far = 0.001;
  /// A track that was last seen so many days ago is forgotten, and with its last one the group. Above 0.
  double retention_days = 14;
  /// A track is grouped from so many embeddings on …
  std::size_t least_looks = 5;
  /// … whose mean weight, which is their quality, is this, so that a blurred moment makes no stranger. Faces
  /// of less are nearer to each other than the table of the weights knows.
  float least_quality = 0.5F;
  /// Of more groups the one that was seen longest ago is forgotten. 1 to 65,536.
  std::size_t most_groups = 4096;
  /// Whether crops that offer_crop() is given are kept, in the folder FILE.crops.
  bool keep_crops = false;
};

/// What is known of an unnamed track so far.
struct StrangerSighting {
  std::uint64_t stream = 0;  ///< From Strangers::open_stream().
  int track = 0;             ///< Its id in that stream.
  /// The weighted mean of its embeddings, each of length 1; the mean's own length, 0.1 to 1, says how alike
  /// they are.
  Embedding mean{};
  float weight = 0;       ///< The sum of their weights, each 0 to 1.
  std::size_t looks = 0;  ///< How many there are.
  std::int64_t time = 0;  ///< When it was seen: UTC, milliseconds since 1970.
};

/// A track of a group: what would be a row of the gallery.
struct StrangerTrack {
  Embedding mean{};         ///< Of its embeddings, scaled to length 1.
  float weight = 0;         ///< The sum of its embeddings' weights …
  std::uint64_t looks = 1;  ///< … of which there are so many; the mean weight is the track's quality.
  std::int64_t first = 0;   ///< UTC, milliseconds since 1970: when it had enough evidence to be grouped, …
  std::int64_t last = 0;    ///< … and when it was seen last.
  std::string camera;       ///< As open_stream() was told.
};

struct StrangerGroup {
  std::uint64_t number = 0;           ///< 3 for `unknown-3`; never given twice.
  std::vector<StrangerTrack> tracks;  ///< The earliest first; at most 16, those with the most weight.
};

/// Counts since the store was opened.
struct StrangersStats {
  std::size_t groups = 0, tracks = 0;  ///< There now.
  std::uint64_t opened = 0;            ///< Groups, since.
  std::uint64_t joined = 0;            ///< Groups that turned out to be an older one.
  std::uint64_t moved = 0;             ///< Tracks that left a group.
  std::uint64_t dropped = 0;           ///< Groups beyond most_groups.
  std::uint64_t expired = 0;           ///< Groups whose retention ended.
};

/// Adds the group's tracks to the gallery as rows of that person, each with its quality, the time when it was
/// seen last, and the group's label and the camera as its source. Throws as Gallery::add does; the gallery
/// may then have some of the rows.
void add_rows(const StrangerGroup& group, const std::string& person, Gallery& gallery, Role role = Role::Own);

/// `unknown-3` for 3; empty for 0.
std::string stranger_label(std::uint64_t number);
/// The inverse. Throws Error(InvalidArgument) that says what was expected.
std::uint64_t stranger_number(std::string_view label);

/// Groups the unnamed tracks of a process as they come, so that somebody who comes back is the same stranger.
///
/// A track joins the group whose mean is nearest, if it lies within the distance at which a newcomer is taken
/// for any of the groups with the chance `far` (FarTable::threshold for as many vectors as there are groups,
/// and for 32 while there are fewer). Else it opens a group. Its mean is looked at again whenever its
/// weight has grown by a quarter: groups that came within that distance of each other are joined under the
/// older number, and a track leaves its group only where it lies beyond that distance and another group
/// within it, or beyond the distance at which one comparison alone goes wrong with the chance `far`. A track
/// does not join the group of another one that is there at the same time in its stream.
/// A track whose weight has become less is taken for another one, since its evidence has begun anew; what it
/// was before stays with its group.
///
/// With a file, what is known is read from it and written back a few seconds after each change, on a thread
/// of its own; the file is locked meanwhile, so that it has one writer. Without one all of it ends with this
/// object. Thread-safe.
class Strangers {
 public:
  /// `path`: the file, made if need be; empty: none. Throws Error(Unsupported) for weights without a
  /// far_table, with another head than l2 or with the metric l1, Error(InvalidArgument) for options
  /// beyond their range and for crops to be kept without a file, Error(Mismatch) for a file of other weights,
  /// and Error(Io | Format | OutOfMemory); the file is then as it was. Error(Io) too where another process,
  /// or another object of this one, has it open.
  explicit Strangers(const ModelInfo& model, const StrangersOptions& options = {}, std::string path = {});
  /// Saves; what fails then fails in silence: whoever wants to know calls save() before.
  ~Strangers();
  Strangers(const Strangers&) = delete;
  Strangers& operator=(const Strangers&) = delete;

  /// A stream of one camera, whose tracks have ids of their own. `camera` is any text, for the history.
  std::uint64_t open_stream(const std::string& camera);
  /// All tracks of that stream have ended. Groups stay.
  void close_stream(std::uint64_t stream);

  /// The number of the track's group; 0 while there is too little evidence. What is not finite, or has no
  /// such length, is no evidence.
  std::uint64_t see(const StrangerSighting& sighting);
  /// The number of the track's group, as see() said it last or as it was joined since; 0 for none.
  std::uint64_t number(std::uint64_t stream, int track) const;
  /// Keeps a crop of a group's face, [height, width, channels] uint8 as the weights take it, as the file
  /// `unknown-3.ppm` in the folder FILE.crops, written with the file of strangers and removed with the group.
  /// Nothing happens where its quality, 0 to 1, is not above that of the one that was kept since the store
  /// was opened, and without keep_crops.
  void offer_crop(std::uint64_t number, float quality, const std::uint8_t* crop);
  /// The track turned out to be somebody with a name: it leaves its group.
  void withdraw(std::uint64_t stream, int track);

  /// All groups, the oldest number first.
  std::vector<StrangerGroup> groups() const;
  /// The group of that label, also where it was joined to an older one since. Throws Error(InvalidArgument |
  /// NotFound).
  StrangerGroup group(std::string_view label) const;
  /// As add_rows(), and forgets the group. Returns how many rows it had. To save the gallery is up to the
  /// caller. Throws as group() and Gallery::add do, and
  /// Error(Mismatch) for a gallery of other weights; nothing has changed then.
  std::size_t name(std::string_view label, const std::string& person, Gallery& gallery);
  /// Removes the group, and from the file with the next save. Throws as group() does.
  void forget(std::string_view label);

  /// Forgets what was last seen before that time (UTC, milliseconds since 1970) less the retention. The
  /// thread that writes the file does so with the system's clock.
  void expire(std::int64_t now);
  /// Writes the file now, without what has expired; does nothing without a file. Throws Error(Io).
  void save();
  /// What is to be told to people, once: why writing on the thread of its own fails, until it succeeds
  /// again, or that groups beyond most_groups are being forgotten. Else empty.
  std::string take_trouble();
  StrangersStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The groups of a strangers' file, the oldest number first, also while a pipeline has it open: as they were
/// written last, without those that take_stranger_group() took. Nothing is written. Throws Error(NotFound |
/// Io | Format | OutOfMemory). Any thread.
std::vector<StrangerGroup> read_stranger_groups(const std::string& path);

/// SHA-256 of the weights that a strangers' file was made with. Throws Error(NotFound | Io | Format). Any
/// thread.
std::string stranger_weights(const std::string& path);

/// Takes a group out of a strangers' file, also while a pipeline has it open: `use` gets it and the SHA-256
/// of the weights that it was made with; where `use` throws, that is thrown and nothing has changed. Of
/// several who take the same group, in any processes, one gets it. A pipeline that has the file open forgets
/// the group within seconds. Until then the file FILE.forget says that it is to be forgotten. Throws
/// Error(InvalidArgument) for a label that is none, Error(NotFound) for a group that is not there, and
/// Error(Io | Format | OutOfMemory). Any thread.
void take_stranger_group(const std::string& path, std::string_view label,
                         const std::function<void(const StrangerGroup&, const std::string&)>& use);

/// The strangers that all of the process who use these weights share: one object for each file, and without a
/// file one for each weights; as long as it has an owner. The options are those of the first call. Throws as
/// the constructor of Strangers does. Any thread.
std::shared_ptr<Strangers> share_strangers(const ModelInfo& model, const StrangersOptions& options = {},
                                           const std::string& path = {});

}  // namespace embed
