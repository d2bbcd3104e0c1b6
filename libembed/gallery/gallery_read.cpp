// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_set>

#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/person_name.h"
#include "embed/safetensors.h"
#include "gallery/checks.h"
#include "gallery/gallery_format.h"

namespace embed {

namespace {

/// Names that no row has are allowed, but not without end.
constexpr std::size_t kMostUnused = 65'536;
/// Rows that are read at once.
constexpr std::size_t kRowsAtOnce = 4096;

Metric read_metric(const SafetensorsFile& file) {
  try {
    return parse_metric(file.metadata_at("metric"));
  } catch (const Error& error) {
    throw Error(ErrorCode::Format, error.what(), file.path(), "metric");
  }
}

std::optional<float> read_threshold(const SafetensorsFile& file) {
  if (file.metadata().count("threshold") == 0) return std::nullopt;
  const auto json =
      nlohmann::json::parse(file.short_metadata_at("threshold"), nullptr, /*allow_exceptions=*/false);
  if (!json.is_number() || !(json.get<double>() >= 0 && json.get<double>() <= 1e30)) {
    throw Error(ErrorCode::Format, "a number ≥ 0 expected", file.path(), "threshold");
  }
  return json.get<float>();
}

}  // namespace

/// A gallery's file on its way into memory. Every function throws Error(Format | Io) that names the file and
/// the field.
class GalleryReader {
 public:
  explicit GalleryReader(const std::string& path) : file_(path, Contents::Header) {
    file_.require_kind(kGalleryKind, kGalleryVersion);
    // Files of version 1 have none of the rest: all rows are people's own, and nothing else is known of them.
    described_ = file_.metadata_at("version") != "1";
    embeddings_ = file_.tensor("embeddings", DType::F32, {-1, static_cast<std::int64_t>(kEmbeddingDim)});
    rows_ = static_cast<std::size_t>(embeddings_.shape[0]);
    identity_ = file_.tensor("identity", DType::I64, {embeddings_.shape[0]});
    if (!described_) return;
    role_ = file_.tensor("role", DType::U8, {embeddings_.shape[0]});
    quality_ = file_.tensor("quality", DType::F32, {embeddings_.shape[0]});
    time_ = file_.tensor("time", DType::I64, {embeddings_.shape[0]});
    source_ = file_.tensor("source", DType::I64, {embeddings_.shape[0]});
  }

  Gallery read() {
    read_names();
    if (described_) read_people();
    Gallery gallery(read_metric(file_), file_.metadata_at("weights_sha256"));
    gallery.threshold_ = read_threshold(file_);
    if (!described_) make_up_ids(gallery.weights_sha256());
    take_names(gallery);
    for (std::size_t first = 0; first < rows_; first += kRowsAtOnce)
      read_rows(first, std::min(rows_ - first, kRowsAtOnce), gallery);
    require_own_rows(gallery);
    return gallery;
  }

 private:
  [[noreturn]] void refuse(const std::string& field, const std::string& why) const {
    throw Error(ErrorCode::Format, why, file_.path(), field);
  }

  void read_names() {
    names_ = file_.strings_at("names", rows_ + kMostUnused);
    file_.drop_metadata("names");
    std::unordered_set<std::string_view> seen;
    for (const std::string& name : names_) {
      if (!seen.insert(name).second) refuse("names", "'" + name + "' is there twice");
    }
  }

  void read_people() {
    const auto people = static_cast<std::int64_t>(names_.size());
    const TensorView& ids = file_.tensor("person_ids", DType::U8, {people, 16});
    person_ids_.resize(names_.size());
    file_.read(ids, 0, person_ids_.data(), ids.bytes);
    auto sorted = person_ids_;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      refuse("person_ids", "two people have the same id");
    if (file_.metadata().count("notes") != 0) notes_ = file_.strings_at("notes", names_.size());
    if (!notes_.empty() && notes_.size() != names_.size()) refuse("notes", "as many as names expected");
    if (file_.metadata().count("sources") != 0) sources_ = file_.strings_at("sources", rows_);
    file_.drop_metadata("notes");
    file_.drop_metadata("sources");
  }

  /// The same in every program that reads the file, and of two names never the same.
  void make_up_ids(const std::string& weights) {
    person_ids_.resize(names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::string text = weights + '\n' + names_[i];
      const std::string digest = sha256_hex(text.data(), text.size());
      for (std::size_t b = 0; b < person_ids_[i].size(); ++b)
        person_ids_[i][b] = static_cast<std::uint8_t>(std::stoi(digest.substr(2 * b, 2), nullptr, 16));
    }
  }

  template <typename T>
  void read_some(const TensorView& tensor, std::size_t first, std::size_t count, std::vector<T>& out) {
    out.resize(count);
    file_.read(tensor, first * sizeof(T), out.data(), count * sizeof(T));
  }

  void read_rows(std::size_t first, std::size_t count, Gallery& gallery) {
    read_some(embeddings_, first, count, values_);
    read_some(identity_, first, count, owners_);
    if (described_) {
      read_some(role_, first, count, roles_);
      read_some(quality_, first, count, qualities_);
      read_some(time_, first, count, times_);
      read_some(source_, first, count, origins_);
    }
    for (std::size_t i = 0; i < count; ++i) take_row(first + i, i, gallery);
  }

  /// The first row of each name; the file's count of rows where it has none.
  std::vector<std::size_t> first_rows() {
    std::vector<std::size_t> firsts(names_.size(), rows_);
    for (std::size_t first = 0; first < rows_; first += kRowsAtOnce) {
      read_some(identity_, first, std::min(rows_ - first, kRowsAtOnce), owners_);
      for (std::size_t i = 0; i < owners_.size(); ++i) {
        const std::int64_t who = owners_[i];
        if (who < 0 || who >= static_cast<std::int64_t>(names_.size())) {
          refuse("identity", "row " + std::to_string(first + i) + " is of identity " + std::to_string(who) +
                                 ", but there are " + std::to_string(names_.size()) + " names");
        }
        std::size_t& known = firsts[static_cast<std::size_t>(who)];
        known = std::min(known, first + i);
      }
    }
    return firsts;
  }

  /// Names keep their order; one that no row has is dropped.
  void take_names(Gallery& gallery) {
    id_of_.assign(names_.size(), -1);
    const std::vector<std::size_t> firsts = first_rows();
    for (std::size_t who = 0; who < names_.size(); ++who) {
      if (firsts[who] == rows_) continue;
      try {
        id_of_[who] = take_name(who, gallery);
      } catch (const Error& error) {
        throw Error(ErrorCode::Format, error.what(), file_.path(), "row " + std::to_string(firsts[who]));
      }
    }
  }

  /// Row `row` of the file, which is row `i` of those that were read.
  void take_row(std::size_t row, std::size_t i, Gallery& gallery) {
    const auto who = static_cast<std::size_t>(owners_[i]);
    const std::int64_t id = id_of_[who];
    try {
      check_row(names_[who], values_[i].data());
      const Enrolment enrolment = described_ ? enrolment_of(i) : Enrolment{};
      check_enrolment(enrolment);
      gallery.append(id, values_[i].data(), enrolment, described_ ? role_of(i) : Role::Own);
    } catch (const Error& error) {
      throw Error(ErrorCode::Format, error.what(), file_.path(), "row " + std::to_string(row));
    }
  }

  /// Two spellings of one name get one id.
  std::int64_t take_name(std::size_t who, Gallery& gallery) {
    const std::int64_t id = gallery.add_name(person_name(names_[who]), person_ids_[who]);
    if (!notes_.empty()) {
      check_text("note", notes_[who]);
      gallery.notes_[static_cast<std::size_t>(id)] = notes_[who];
    }
    return id;
  }

  Role role_of(std::size_t i) const {
    if (roles_[i] > kCounterExample) {
      throw Error(ErrorCode::Format,
                  "role " + std::to_string(roles_[i]) + "; 0 (own) or 1 (counter-example) expected");
    }
    return roles_[i] == kOwnRow ? Role::Own : Role::CounterExample;
  }

  Enrolment enrolment_of(std::size_t i) const {
    Enrolment enrolment;
    if (qualities_[i] != kNoQuality) enrolment.quality = qualities_[i];
    enrolment.time = times_[i];
    if (origins_[i] == kNoSource) return enrolment;
    if (origins_[i] < 0 || origins_[i] >= static_cast<std::int64_t>(sources_.size())) {
      throw Error(ErrorCode::Format, "source " + std::to_string(origins_[i]) + ", but there are " +
                                         std::to_string(sources_.size()) + " sources");
    }
    enrolment.source = sources_[static_cast<std::size_t>(origins_[i])];
    return enrolment;
  }

  void require_own_rows(const Gallery& gallery) const {
    if (gallery.rows(Role::CounterExample) == 0) return;
    std::vector<bool> own(gallery.names().size());
    for (std::size_t r = 0; r < gallery.rows(); ++r)
      own[static_cast<std::size_t>(gallery.identity(r))] = true;
    const auto without = std::find(own.begin(), own.end(), false);
    if (without == own.end()) return;
    refuse("role", "'" + gallery.names()[static_cast<std::size_t>(without - own.begin())] +
                       "' has counter-examples alone; a row of role 0 expected");
  }

  SafetensorsFile file_;
  bool described_ = false;  // Version 2 or later.
  std::size_t rows_ = 0;
  TensorView embeddings_, identity_, role_, quality_, time_, source_;
  std::vector<std::string> names_, notes_, sources_;  // notes_: empty where there are none.
  std::vector<Gallery::PersonId> person_ids_;
  std::vector<std::int64_t> id_of_;  // Label ids of the names, −1 for those that no row has.
  // Of the rows that are being taken.
  std::vector<Embedding> values_;
  std::vector<std::int64_t> owners_, times_, origins_;
  std::vector<std::uint8_t> roles_;
  std::vector<float> qualities_;
};

Gallery Gallery::load(const std::string& path) {
  return GalleryReader(path).read();
}

Gallery Gallery::load(const std::string& path, const std::string& weights_sha256) {
  Gallery gallery = load(path);
  if (gallery.weights_sha256() != weights_sha256) {
    throw Error(ErrorCode::Mismatch,
                "made with other weights (gallery: " + gallery.weights_sha256().substr(0, 12) +
                    "…, loaded weights: " + weights_sha256.substr(0, 12) +
                    "…); enrol again with these weights",
                path, "weights_sha256");
  }
  return gallery;
}

}  // namespace embed
