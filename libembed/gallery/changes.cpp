// SPDX-License-Identifier: LGPL-2.1-or-later
// What changes a gallery: people and rows that come, go, and get another name.
#include <sys/random.h>

#include <chrono>
#include <numeric>

#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/person_name.h"
#include "gallery/checks.h"
#include "gallery/enrolled_rows.h"

namespace embed {

namespace {

template <typename T>
void take_out(std::vector<T>& items, std::int64_t index) {
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(index));
}

std::array<std::uint8_t, 16> random_id() {
  std::array<std::uint8_t, 16> id{};
  // So few bytes come whole, and without waiting once the system has started.
  if (::getrandom(id.data(), id.size(), 0) != static_cast<::ssize_t>(id.size()))
    throw Error(ErrorCode::Internal, "the system gives no random numbers");
  return id;
}

}  // namespace

std::int64_t enrolment_time() noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::int64_t Gallery::find(const std::string& name) const {
  const auto found = ids_.find(person_name(name));
  return found == ids_.end() ? -1 : found->second;
}

std::int64_t Gallery::known(const std::string& name) const {
  const auto found = ids_.find(name);
  if (found == ids_.end()) throw Error(ErrorCode::NotFound, "nobody in the gallery is called '" + name + "'");
  return found->second;
}

std::int64_t Gallery::add_name(const std::string& name, const PersonId& id) {
  const auto [found, is_new] = ids_.emplace(name, static_cast<std::int64_t>(names_.size()));
  if (is_new) {
    names_.push_back(name);
    person_ids_.push_back(id);
    notes_.emplace_back();
  }
  return found->second;
}

void Gallery::append(std::int64_t label_id, const float* row, const Enrolment& enrolment, Role role) {
  auto& rows = role == Role::Own ? rows_ : counter_examples_;
  if (!rows) rows = std::make_unique<EnrolledRows>();
  rows->append(row, label_id, enrolment);
  if (role == Role::Own) drop_prepared();
}

void Gallery::add(const std::string& name, const Embedding& embedding, const Enrolment& enrolment,
                  Role role) {
  const std::string normal = person_name(name);
  check_row(normal, embedding.data());
  check_enrolment(enrolment);
  const auto found = ids_.find(normal);
  const bool is_new = role == Role::Own && found == ids_.end();
  append(is_new ? add_name(normal, random_id()) : known(normal), embedding.data(), enrolment, role);
}

void Gallery::dissolve(std::int64_t label_id, std::int64_t heir) {
  std::vector<std::int64_t> to(names_.size());
  std::iota(to.begin(), to.begin() + label_id + 1, 0);
  std::iota(to.begin() + label_id + 1, to.end(), label_id);
  to[static_cast<std::size_t>(label_id)] = heir < 0 ? -1 : to[static_cast<std::size_t>(heir)];
  for (const auto* rows : {&rows_, &counter_examples_}) {
    if (*rows) (*rows)->renumber(to);
  }
  if (counter_examples_ && counter_examples_->rows.size() == 0) counter_examples_.reset();
  drop_prepared();
  ids_.erase(name(label_id));
  take_out(names_, label_id);
  take_out(person_ids_, label_id);
  take_out(notes_, label_id);
  for (auto& [ignored, id] : ids_) {
    if (id > label_id) --id;
  }
}

std::size_t Gallery::remove(const std::string& name) {
  const std::int64_t label_id = find(name);
  if (label_id < 0) return 0;
  const std::size_t before = rows();
  dissolve(label_id, -1);
  return before - rows();
}

void Gallery::rename(const std::string& from, const std::string& to) {
  const std::int64_t label_id = known(person_name(from));
  const std::string name = person_name(to);
  const auto taken = ids_.find(name);
  if (taken != ids_.end() && taken->second == label_id) return;
  if (taken != ids_.end())
    throw Error(ErrorCode::InvalidArgument, "somebody is called '" + name + "' already: merge the two");
  ids_.emplace(name, label_id);
  ids_.erase(this->name(label_id));
  names_[static_cast<std::size_t>(label_id)] = name;
}

void Gallery::merge(const std::string& from, const std::string& into) {
  const std::int64_t gone = known(person_name(from)), heir = known(person_name(into));
  if (gone == heir)
    throw Error(ErrorCode::InvalidArgument, "'" + name(heir) + "' is the same name: two people expected");
  if (note(heir).empty()) notes_[static_cast<std::size_t>(heir)] = note(gone);
  dissolve(gone, heir);
}

std::string Gallery::person_id(std::int64_t label_id) const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  if (name(label_id).empty()) return hex;
  for (const unsigned byte : person_ids_[static_cast<std::size_t>(label_id)]) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

const std::string& Gallery::note(std::int64_t label_id) const {
  return name(label_id).empty() ? name(-1) : notes_[static_cast<std::size_t>(label_id)];
}

void Gallery::set_note(const std::string& name, const std::string& note) {
  check_text("note", note);
  notes_[static_cast<std::size_t>(known(person_name(name)))] = note;
}

}  // namespace embed
