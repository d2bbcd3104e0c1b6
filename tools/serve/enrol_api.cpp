// SPDX-License-Identifier: LGPL-2.1-or-later
// Enrolment: a picture that a browser sends becomes a row of a person.
#include <string>

#include "embed/error.h"
#include "embed/person_name.h"
#include "gallery/people.h"
#include "serve/row_pictures.h"
#include "serve/site.h"
#include "serve/upload_process.h"

namespace serve {

namespace {

using embed::Gallery;

/// What the page says of a refusal; the process that read the picture speaks of flags of a command line.
std::string reason(const Upload& upload) {
  if (upload.refusal == "several-faces") return "there are several faces in it: cut it so that one is left";
  if (upload.refusal == "no-face") return "no face was found in it";
  return upload.why.substr(0, upload.why.find(" (--"));
}

/// The name of somebody else whom the face would be taken for; empty for nobody.
std::string looks_like(const Gallery& gallery, const embed::Embedding& embedding, std::int64_t label_id,
                       const gallery_tool::ThresholdOptions& options) {
  if (gallery.rows() == 0) return {};
  Gallery with_means = gallery;
  with_means.build_means();
  embed::MatchOptions rule;
  rule.metric = gallery.metric();
  try {
    rule.threshold = gallery_tool::threshold_of(options, with_means);
  } catch (const embed::Error&) {
    return {};  // Without a threshold nobody would be given a name at all.
  }
  const embed::Match match = with_means.match(embedding, rule);
  return match.label_id >= 0 && match.label_id != label_id ? gallery.name(match.label_id) : std::string();
}

/// Whose row it is to be: somebody who is there, as the page saw the person, or somebody new.
std::int64_t person_of(const Request& request, const Gallery& gallery, const GallerySnapshot& snapshot) {
  if (!request.value("id").empty()) {
    // Several pictures of one person are sent one after another: who adds to a person undoes nobody's change.
    const std::int64_t label_id = find_by_id(snapshot.gallery, request.value("id"));
    if (snapshot.gallery.name(label_id) != request.value("name"))
      throw conflict("somebody has given this person another name meanwhile: '" +
                     snapshot.gallery.name(label_id) + "'");
    return label_id;
  }
  if (const std::int64_t other = gallery.find(request.value("name")); other >= 0)
    throw Refusal(409, "taken", "somebody is called '" + gallery.name(other) + "' already");
  return -1;
}

Reply enrol(Site& site, const Request& request) {
  if (site.options().weights.empty())
    throw Refusal(409, "weights", "the server has no weights for this gallery (--weights)");
  const std::string name = embed::person_name(request.value("name"));
  if (request.body.empty()) throw Refusal(400, "body", "a picture expected");
  const Upload upload = read_upload(request.body, site.options().weights);
  if (!upload.taken) throw Refusal(422, upload.refusal, reason(upload));
  Json person;
  std::string row;
  site.gallery().change([&](Gallery& gallery, const GallerySnapshot& snapshot) {
    const std::int64_t label_id = person_of(request, gallery, snapshot);
    if (request.value("anyway").empty()) {
      const std::string other = looks_like(gallery, upload.embedding, label_id, site.options().threshold);
      if (!other.empty()) throw Refusal(409, "looks-like", "this looks like " + other);
    }
    embed::Enrolment enrolment;
    enrolment.quality = upload.quality;
    enrolment.time = embed::enrolment_time();
    enrolment.source = request.value("file").substr(0, 200);
    gallery.add(name, upload.embedding, enrolment);
    row = gallery_tool::row_id(gallery, gallery.rows() - 1);
    person = {{"id", gallery.person_id(gallery.find(name))}, {"name", name}};
  });
  if (site.options().keep_crops) write_row_picture(site.options().gallery, row, upload.crop);
  person["quality"] = upload.quality;
  return json_reply(person);
}

}  // namespace

void add_enrolment(Answers& answers) {
  answers[{"POST", "/api/enrol"}] = enrol;
}

}  // namespace serve
