// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "enrolment/apply.h"
#include "enrolment/collector.h"
#include "enrolment/doubts.h"
#include "gallery/output.h"

namespace gallery_tool {

/// What `enroll` says: as it happens on the standard error, and in the end a table or one JSON object.
class EnrollReport : public enrolment::Listener {
 public:
  void refused(const enrolment::Refused& what) override;
  void note(const std::string& text) override;
  /// A row that is doubtful. With `strict` it is refused.
  void doubt(const embed::Gallery& gallery, const enrolment::Doubt& doubt, bool strict);
  /// What became of people, in a gallery with those rows and names.
  void done(const enrolment::Applied& applied, const embed::Gallery& gallery);
  /// Of a row of that person that was added and then refused as doubtful.
  void take_back(const std::string& name);

  bool anything_refused() const noexcept { return !refused_.empty(); }
  /// Whether anything of anybody is in the gallery that was asked for, or was taken out.
  bool anything_done() const;
  /// Whether a row was added or taken out.
  bool anything_changed() const;

  void print_table(const std::string& gallery) const;
  Json json(const std::string& gallery, const enrolment::PeopleFolder& folder) const;

 private:
  std::vector<enrolment::Refused> refused_;
  Json doubts_ = Json::array();
  std::vector<enrolment::Change> changes_;
  std::size_t rows_ = 0, people_ = 0;
};

}  // namespace gallery_tool
