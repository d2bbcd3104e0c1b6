// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/check_report.h"

#include <algorithm>
#include <vector>

#include "gallery/check_people.h"
#include "gallery/check_rows.h"

namespace gallery_tool {

namespace {

using embed::Gallery;

/// All findings as one object.
class Findings {
 public:
  Findings(const Gallery& gallery, std::size_t most) : gallery_(gallery), most_(most) {}

  /// Of a kind of findings how many there are, and the first ones as objects.
  template <typename T, typename Describe>
  Json kind(const std::vector<T>& found, const Describe& describe) const {
    Json first = Json::array();
    for (std::size_t i = 0; i < std::min(most_, found.size()); ++i) first.push_back(describe(found[i]));
    return {{"count", found.size()}, {"first", std::move(first)}};
  }

  Json of(const PeopleFindings& people, const RowFindings& rows) const {
    return {{"same_person", kind(people.same,
                                 [&](const SamePerson& one) {
                                   return Json{{"name", name(one.first)},
                                               {"other", name(one.second)},
                                               {"distance", one.distance}};
                                 })},
            {"two_people", kind(people.two,
                                [&](const TwoPeople& one) {
                                  return Json{{"name", name(one.who)},
                                              {"more", one.more},
                                              {"fewer", one.fewer.size()},
                                              {"distance", one.distance},
                                              {"fewer_rows", first_ids(one.fewer)}};
                                })},
            {"far_rows", kind(rows.far,
                              [&](const FarRow& one) {
                                Json row = row_json(one.row);
                                row["distance"] = one.distance;
                                return row;
                              })},
            {"near_duplicates", kind(rows.duplicates, [&](const Duplicate& one) { return duplicate(one); })},
            {"few_rows", kind(people.few,
                              [&](const Weak& one) {
                                return Json{{"name", name(one.who)}, {"rows", one.rows}};
                              })},
            {"poor_rows", kind(people.poor, [&](const Weak& one) {
               return Json{{"name", name(one.who)}, {"rows", one.rows}, {"best_quality", *one.best_quality}};
             })}};
  }

 private:
  std::string name(std::int64_t label_id) const { return gallery_.name(label_id); }

  Json row_json(std::size_t r) const {
    return {{"name", name(gallery_.identity(r))},
            {"row", row_id(gallery_, r)},
            {"source", gallery_.enrolment(r).source}};
  }

  Json first_ids(const std::vector<std::size_t>& rows) const {
    Json ids = Json::array();
    for (std::size_t i = 0; i < std::min(most_, rows.size()); ++i) ids.push_back(row_id(gallery_, rows[i]));
    return ids;
  }

  Json duplicate(const Duplicate& one) const {
    Json json = row_json(one.row);
    json["distance"] = one.distance;
    json["other"] = name(one.other_person);
    const bool same = one.other_person == gallery_.identity(one.row);
    json["other_row"] = same ? Json(row_id(gallery_, one.other)) : Json(nullptr);
    return json;
  }

  const Gallery& gallery_;
  std::size_t most_;
};

Json share(std::size_t count, std::size_t of) {
  return of > 0 ? Json(static_cast<double>(count) / static_cast<double>(of)) : Json(nullptr);
}

Json leave_one_out_json(const LeaveOneOut& counts) {
  return {{"rows_of_people_with_others", counts.known},
          {"missed", counts.missed},
          {"misnamed", counts.misnamed},
          {"miss_rate", share(counts.missed, counts.known)},
          {"rows_as_strangers", counts.strangers},
          {"false_matches", counts.false_matches},
          {"false_match_rate", share(counts.false_matches, counts.strangers)}};
}

}  // namespace

Json check_report(Gallery& gallery, const ThresholdOptions& options, std::size_t most) {
  gallery.build_means();
  const bool anybody = gallery.rows() > 0;
  const float threshold = anybody ? threshold_of(options, gallery) : 0;
  const float apart = anybody ? apart_distance(gallery, threshold) : 0;
  const PeopleRows rows(gallery);
  const PeopleFindings people = check_people(gallery, rows, threshold, apart);
  const RowFindings found = anybody ? check_rows(gallery, rows, threshold, apart) : RowFindings();
  return {{"people", gallery.names().size()},
          {"rows", gallery.rows()},
          {"threshold", anybody ? Json(threshold) : Json(nullptr)},
          {"apart", anybody ? Json(apart) : Json(nullptr)},
          {"people_compared", people.looked_at},
          {"rows_compared", found.leave_one_out.strangers},
          {"findings", Findings(gallery, most).of(people, found)},
          {"leave_one_out", leave_one_out_json(found.leave_one_out)}};
}

}  // namespace gallery_tool
