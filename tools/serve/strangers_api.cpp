// SPDX-License-Identifier: LGPL-2.1-or-later
// Strangers: groups of people without a name whom running pipelines have seen.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include "embed/error.h"
#include "embed/strangers.h"
#include "gallery/output.h"
#include "gallery/people.h"
#include "serve/pictures.h"
#include "serve/row_pictures.h"
#include "serve/site.h"

namespace serve {

namespace {

using embed::Gallery;
using embed::StrangerGroup;

constexpr std::size_t kMostGroups = 200;

const std::string& file_of(const Site& site) {
  if (site.options().strangers.empty())
    throw Refusal(404, "strangers", "the server was started without --strangers");
  return site.options().strangers;
}

std::int64_t last_seen(const StrangerGroup& group) {
  std::int64_t last = 0;
  for (const embed::StrangerTrack& track : group.tracks) last = std::max(last, track.last);
  return last;
}

Json group_json(const StrangerGroup& group, const std::string& file) {
  const std::string label = embed::stranger_label(group.number);
  std::set<std::string> cameras;
  double weight = 0, looks = 0;
  std::int64_t first = group.tracks.empty() ? 0 : group.tracks.front().first;
  for (const embed::StrangerTrack& track : group.tracks) {
    first = std::min(first, track.first);
    weight += static_cast<double>(track.weight);
    looks += static_cast<double>(track.looks);
    if (!track.camera.empty()) cameras.insert(track.camera);
  }
  return {{"stranger", label},
          {"tracks", group.tracks.size()},
          {"quality", looks > 0 ? weight / looks : 0},
          {"first_seen", gallery_tool::date_text(first / 1000)},
          {"last_seen", gallery_tool::date_text(last_seen(group) / 1000)},
          {"cameras", cameras},
          {"picture", has_picture(file + ".crops/" + label)}};
}

Reply strangers(Site& site, const Request& request) {
  const std::string& file = file_of(site);
  const std::size_t offset = number_value(request, "offset", 0, 1'000'000);
  const std::size_t most = number_value(request, "most", 60, kMostGroups);
  std::vector<StrangerGroup> groups;
  std::error_code none;
  // A pipeline makes the file when it starts.
  if (std::filesystem::exists(file, none)) groups = embed::read_stranger_groups(file);
  std::stable_sort(groups.begin(), groups.end(), [](const StrangerGroup& a, const StrangerGroup& b) {
    return last_seen(a) > last_seen(b);
  });
  Json shown = Json::array();
  for (std::size_t i = offset; i < groups.size() && shown.size() < most; ++i)
    shown.push_back(group_json(groups[i], file));
  return json_reply({{"strangers", shown}, {"found", groups.size()}, {"offset", offset}});
}

Reply picture(Site& site, const Request& request) {
  // Made of the number, so that it leads out of no folder.
  const std::string label = embed::stranger_label(embed::stranger_number(request.value("stranger")));
  const auto found = read_picture(file_of(site) + ".crops/" + label);
  if (!found) throw Refusal(404, "picture", "there is no picture of that stranger");
  Reply reply;
  reply.type = found->type;
  reply.body = found->bytes;
  return reply;
}

/// Lets `use` have the group, which is forgotten then. Whoever comes second is told.
void take(Site& site, const Json& body,
          const std::function<void(const StrangerGroup&, const std::string&)>& use) {
  const std::string label = text_field(body, "stranger");
  const std::string& file = file_of(site);
  try {
    embed::take_stranger_group(file, label, use);
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::NotFound) throw;
    throw conflict("'" + label +
                   "' is no longer there: somebody has named or dismissed them, or a pipeline found out "
                   "that they are another stranger");
  }
}

void require_weights(const Gallery& gallery, const std::string& weights) {
  if (gallery.weights_sha256() != weights)
    throw Refusal(409, "weights", "the strangers were seen with other weights than the gallery's");
}

/// The best of the rows that were added last, by its id.
std::string best_of_last(const Gallery& gallery, std::size_t count) {
  std::size_t best = gallery.rows() - 1;
  for (std::size_t r = gallery.rows() - count; r < gallery.rows(); ++r)
    if (gallery.enrolment(r).quality.value_or(0) > gallery.enrolment(best).quality.value_or(0)) best = r;
  return gallery_tool::row_id(gallery, best);
}

/// Adds the group's rows to a person. Its picture, which is forgotten with it, becomes that of the best one.
void add_to(Site& site, const StrangerGroup& group, const std::string& weights,
            const std::function<std::string(const Gallery&, const GallerySnapshot&)>& person) {
  std::string row;
  site.gallery().change([&](Gallery& gallery, const GallerySnapshot& snapshot) {
    require_weights(gallery, weights);
    embed::add_rows(group, person(gallery, snapshot), gallery);
    row = best_of_last(gallery, group.tracks.size());
  });
  if (!site.options().keep_crops) return;
  const auto pnm = read_file(file_of(site) + ".crops/" + embed::stranger_label(group.number));
  if (pnm && picture_of(*pnm)) write_row_picture(site.options().gallery, row, *pnm);
}

/// A new person.
Reply name(Site& site, const Request& request) {
  const Json body = json_body(request);
  const std::string person = text_field(body, "name");
  take(site, body, [&](const StrangerGroup& group, const std::string& weights) {
    add_to(site, group, weights, [&](const Gallery& gallery, const GallerySnapshot&) {
      if (const std::int64_t other = gallery.find(person); other >= 0)
        throw Refusal(409, "taken", "somebody is called '" + gallery.name(other) + "' already");
      return person;
    });
  });
  return json_reply(Json::object());
}

/// Somebody who is in the gallery.
Reply merge(Site& site, const Request& request) {
  const Json body = json_body(request), into = object_field(body, "into");
  take(site, body, [&](const StrangerGroup& group, const std::string& weights) {
    add_to(site, group, weights, [&](const Gallery&, const GallerySnapshot& snapshot) {
      return snapshot.gallery.name(find_by_id(snapshot, text_field(into, "id"), text_field(into, "version")));
    });
  });
  return json_reply(Json::object());
}

/// "That is not Ada": counter-examples of hers. The stranger stays.
Reply reject(Site& site, const Request& request) {
  const Json body = json_body(request), person = object_field(body, "person");
  const std::uint64_t number = embed::stranger_number(text_field(body, "stranger"));
  const std::string& file = file_of(site);
  const std::vector<StrangerGroup> groups = embed::read_stranger_groups(file);
  const auto group = std::find_if(groups.begin(), groups.end(),
                                  [&](const StrangerGroup& one) { return one.number == number; });
  if (group == groups.end()) throw conflict("this stranger is no longer there");
  site.gallery().change([&](Gallery& gallery, const GallerySnapshot& snapshot) {
    require_weights(gallery, embed::stranger_weights(file));
    const std::int64_t label_id =
        find_by_id(snapshot, text_field(person, "id"), text_field(person, "version"));
    embed::add_rows(*group, snapshot.gallery.name(label_id), gallery, embed::Role::CounterExample);
  });
  return json_reply(Json::object());
}

Reply dismiss(Site& site, const Request& request) {
  take(site, json_body(request), [](const StrangerGroup&, const std::string&) {});
  return json_reply(Json::object());
}

}  // namespace

void add_strangers(Answers& answers) {
  answers[{"GET", "/api/strangers"}] = strangers;
  answers[{"GET", "/api/strangers/picture"}] = picture;
  answers[{"POST", "/api/strangers/name"}] = name;
  answers[{"POST", "/api/strangers/merge"}] = merge;
  answers[{"POST", "/api/strangers/reject"}] = reject;
  answers[{"POST", "/api/strangers/dismiss"}] = dismiss;
}

}  // namespace serve
