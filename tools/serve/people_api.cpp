// SPDX-License-Identifier: LGPL-2.1-or-later
// People of the gallery: who is there, their pictures, and what can be changed of them.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "embed/error.h"
#include "gallery/check_report.h"
#include "gallery/output.h"
#include "serve/pictures.h"
#include "serve/row_pictures.h"
#include "serve/site.h"

namespace serve {

namespace {

using embed::Gallery;
using embed::Role;
using gallery_tool::date_text;
using gallery_tool::row_id;

constexpr std::size_t kMostPeople = 200, kMostRows = 1'000;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

Reply people(Site& site, const Request& request) {
  const auto snapshot = site.gallery().get();
  const std::string wanted = lower(request.value("query"));
  const std::size_t offset = number_value(request, "offset", 0, 100'000'000);
  const std::size_t most = number_value(request, "most", 60, kMostPeople);
  Json shown = Json::array();
  std::size_t found = 0;
  for (const std::int64_t label_id : snapshot->by_name) {
    if (lower(snapshot->gallery.name(label_id)).find(wanted) == std::string::npos) continue;
    if (found++ >= offset && shown.size() < most)
      shown.push_back(person_json(*snapshot, site.options().gallery, label_id));
  }
  return json_reply({{"people", shown}, {"found", found}, {"offset", offset}, {"state", snapshot->state}});
}

Json name_json(const GallerySnapshot& snapshot, std::int64_t label_id) {
  return {{"name", snapshot.gallery.name(label_id)},
          {"id", snapshot.gallery.person_id(label_id)},
          {"version", snapshot.version(label_id)}};
}

/// The label id of somebody who is called exactly so; −1 also for what is no name yet, as it is being typed.
std::int64_t called(const Gallery& gallery, const std::string& name) {
  try {
    return gallery.find(name);
  } catch (const embed::Error&) {
    return -1;
  }
}

/// For fields that complete what is typed. Who is called exactly so stands first.
Reply names(Site& site, const Request& request) {
  constexpr std::size_t kMost = 20;
  const auto snapshot = site.gallery().get();
  const std::string wanted = lower(request.value("query"));
  const std::int64_t exact = called(snapshot->gallery, request.value("query"));
  Json shown = Json::array();
  if (exact >= 0) shown.push_back(name_json(*snapshot, exact));
  for (const std::int64_t label_id : snapshot->by_name) {
    if (shown.size() >= kMost) break;
    if (label_id != exact && lower(snapshot->gallery.name(label_id)).find(wanted) != std::string::npos)
      shown.push_back(name_json(*snapshot, label_id));
  }
  return json_reply({{"people", shown}});
}

Json row_json(const GallerySnapshot& snapshot, const std::string& path, std::size_t r, Role role) {
  const embed::Enrolment& enrolment = snapshot.gallery.enrolment(r, role);
  const std::string id = row_id(snapshot.gallery, r, role);
  return {{"id", id},
          {"counter_example", role == Role::CounterExample},
          {"quality", enrolment.quality ? Json(*enrolment.quality) : Json(nullptr)},
          {"time", date_text(enrolment.time)},
          {"source", enrolment.source},
          {"picture", has_picture(row_picture(path, id))}};
}

Reply person(Site& site, const Request& request) {
  const auto snapshot = site.gallery().get();
  const std::int64_t label_id = find_by_id(snapshot->gallery, request.value("id"));
  Json rows = Json::array();
  for (const Role role : {Role::Own, Role::CounterExample})
    for (const std::size_t r : (role == Role::Own ? snapshot->own : snapshot->counter_examples).of(label_id))
      if (rows.size() < kMostRows) rows.push_back(row_json(*snapshot, site.options().gallery, r, role));
  Json result = person_json(*snapshot, site.options().gallery, label_id);
  result["row_list"] = std::move(rows);
  return json_reply(result);
}

Reply picture(Site& site, const Request& request) {
  const std::string id = request.value("row");
  if (!is_row_id(id)) throw Refusal(400, "query", "'row': an id of 12 hex digits expected");
  const auto found = read_picture(row_picture(site.options().gallery, id));
  if (!found) throw Refusal(404, "picture", "there is no picture of that row");
  Reply reply;
  reply.type = found->type;
  reply.body = found->bytes;
  return reply;
}

std::int64_t named(const GallerySnapshot& snapshot, const Json& who) {
  return find_by_id(snapshot, text_field(who, "id"), text_field(who, "version"));
}

Reply rename(Site& site, const Request& request) {
  const Json body = json_body(request);
  const std::string to = text_field(body, "name");
  site.gallery().change([&](Gallery& gallery, const GallerySnapshot& snapshot) {
    const std::int64_t label_id = named(snapshot, body), other = gallery.find(to);
    if (other >= 0 && other != label_id)
      throw Refusal(409, "taken", "somebody else is called '" + gallery.name(other) + "'");
    gallery.rename(gallery.name(label_id), to);
  });
  return json_reply(Json::object());
}

Reply merge(Site& site, const Request& request) {
  const Json body = json_body(request), into = object_field(body, "into");
  site.gallery().change([&](Gallery& gallery, const GallerySnapshot& snapshot) {
    gallery.merge(snapshot.gallery.name(named(snapshot, body)), snapshot.gallery.name(named(snapshot, into)));
  });
  return json_reply(Json::object());
}

Reply remove(Site& site, const Request& request) {
  const Json body = json_body(request);
  site.gallery().change([&](Gallery& gallery, const GallerySnapshot& snapshot) {
    gallery.remove(snapshot.gallery.name(named(snapshot, body)));
  });
  return json_reply(Json::object());
}

std::set<std::string> ids_of(const Json& body) {
  const auto field = body.find("rows");
  std::set<std::string> ids;
  if (field != body.end() && field->is_array())
    for (const Json& id : *field)
      if (id.is_string() && is_row_id(id.get<std::string>())) ids.insert(id.get<std::string>());
  if (ids.empty() || ids.size() != field->size())
    throw Refusal(400, "body", "the field 'rows': ids of 12 hex digits expected");
  return ids;
}

Reply remove_rows(Site& site, const Request& request) {
  const Json body = json_body(request);
  const std::set<std::string> ids = ids_of(body);
  site.gallery().change([&](Gallery& gallery, const GallerySnapshot& snapshot) {
    std::vector<std::size_t> rows;
    for (const std::size_t r : snapshot.own.of(named(snapshot, body)))
      if (ids.count(row_id(gallery, r)) != 0) rows.push_back(r);
    if (rows.size() != ids.size()) throw conflict("one of these pictures is no longer there");
    gallery.remove_rows(rows);
  });
  return json_reply(Json::object());
}

Reply check(Site& site, const Request&) {
  const std::lock_guard one_at_a_time(site.working());
  Gallery gallery = site.gallery().get()->gallery;
  Json report = gallery_tool::check_report(gallery, site.options().threshold, 50);
  report["gallery"] = site.options().gallery;
  return json_reply(report);
}

}  // namespace

Json person_json(const GallerySnapshot& snapshot, const std::string& path, std::int64_t label_id) {
  std::optional<float> best;
  std::int64_t latest = 0;
  Json picture = nullptr;
  float shown = -1;
  std::error_code none;
  const bool kept = std::filesystem::is_directory(path + ".crops", none);
  for (const std::size_t r : snapshot.own.of(label_id)) {
    const embed::Enrolment& enrolment = snapshot.gallery.enrolment(r);
    latest = std::max(latest, enrolment.time);
    if (enrolment.quality) best = std::max(best.value_or(0), *enrolment.quality);
    const float quality = enrolment.quality.value_or(0);
    if (quality <= shown || !kept) continue;
    const std::string id = row_id(snapshot.gallery, r);
    if (!has_picture(row_picture(path, id))) continue;
    picture = id;
    shown = quality;
  }
  return {{"name", snapshot.gallery.name(label_id)},
          {"id", snapshot.gallery.person_id(label_id)},
          {"version", snapshot.version(label_id)},
          {"rows", snapshot.own.of(label_id).size()},
          {"counter_examples", snapshot.counter_examples.of(label_id).size()},
          {"best_quality", best ? Json(*best) : Json(nullptr)},
          {"last_enrolled", date_text(latest)},
          {"note", snapshot.gallery.note(label_id)},
          {"picture", picture}};
}

void add_people(Answers& answers) {
  answers[{"GET", "/api/people"}] = people;
  answers[{"GET", "/api/names"}] = names;
  answers[{"GET", "/api/person"}] = person;
  answers[{"GET", "/api/picture"}] = picture;
  answers[{"GET", "/api/check"}] = check;
  answers[{"POST", "/api/people/rename"}] = rename;
  answers[{"POST", "/api/people/merge"}] = merge;
  answers[{"POST", "/api/people/remove"}] = remove;
  answers[{"POST", "/api/people/remove-rows"}] = remove_rows;
}

}  // namespace serve
