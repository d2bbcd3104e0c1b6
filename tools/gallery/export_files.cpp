// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/export_files.h"

#include <cstdint>
#include <cstring>

#include "gallery/output.h"
#include "gallery/people.h"

namespace gallery_tool {

namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json row_json(const embed::Gallery& gallery, std::size_t r, bool embeddings) {
  const embed::Enrolment& enrolment = gallery.enrolment(r);
  Json row = {{"row", r},
              {"row_id", row_id(gallery, r)},
              {"quality", enrolment.quality ? Json(*enrolment.quality) : Json(nullptr)},
              {"time", text_or_null(date_text(enrolment.time))},
              {"source", enrolment.source}};
  if (embeddings) {
    Json values = Json::array();
    for (std::size_t i = 0; i < embed::kEmbeddingDim; ++i) values.push_back(gallery.row(r)[i]);
    row["embedding"] = std::move(values);
  }
  return row;
}

}  // namespace

std::string rows_as_npy(const embed::Gallery& gallery) {
  constexpr std::size_t kAligned = 64, kBeforeHeader = 10;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(gallery.rows()) + ", " + std::to_string(embed::kEmbeddingDim) + "), }";
  header.append(kAligned - 1 - (kBeforeHeader + header.size()) % kAligned, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xFFU);
  out += static_cast<char>(header.size() >> 8U);
  out += header;
  out.reserve(out.size() + gallery.rows() * sizeof(embed::Embedding));
  for (std::size_t r = 0; r < gallery.rows(); ++r)
    out.append(reinterpret_cast<const char*>(gallery.row(r)), sizeof(embed::Embedding));
  return out;
}

std::string rows_as_csv(const embed::Gallery& gallery) {
  std::string out = "row,label_id,name,person_id,row_id,quality,time,source\r\n";
  for (std::size_t r = 0; r < gallery.rows(); ++r) {
    const embed::Enrolment& enrolment = gallery.enrolment(r);
    const std::int64_t who = gallery.identity(r);
    out += std::to_string(r) + ',' + std::to_string(who) + ',' + quoted(gallery.name(who)) + ',' +
           gallery.person_id(who) + ',' + row_id(gallery, r) + ',' +
           (enrolment.quality ? Json(*enrolment.quality).dump() : "") + ',' + date_text(enrolment.time) +
           ',' + quoted(enrolment.source) + "\r\n";
  }
  return out;
}

std::string people_as_json(const std::string& gallery_file, const embed::Gallery& gallery, bool embeddings) {
  const Json head = {{"gallery", gallery_file},
                     {"metric", embed::to_string(gallery.metric())},
                     {"threshold", gallery.threshold() ? Json(*gallery.threshold()) : Json(nullptr)},
                     {"weights_sha256", gallery.weights_sha256()},
                     {"rows", gallery.rows()}};
  std::string out = json_text(head);
  out.back() = ',';
  out += "\"people\":[";
  const PeopleRows rows(gallery);
  for (std::size_t i = 0; i < gallery.names().size(); ++i) {
    const auto who = static_cast<std::int64_t>(i);
    Json of_person = Json::array();
    for (const std::size_t r : rows.of(who)) of_person.push_back(row_json(gallery, r, embeddings));
    const Json person = {{"label_id", who},
                         {"name", gallery.name(who)},
                         {"person_id", gallery.person_id(who)},
                         {"note", gallery.note(who)},
                         {"rows", std::move(of_person)}};
    out += (i == 0 ? "\n" : ",\n") + json_text(person);
  }
  return out + "\n]}\n";
}

}  // namespace gallery_tool
