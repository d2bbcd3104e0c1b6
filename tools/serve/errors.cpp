// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serve/errors.h"

#include <algorithm>

#include "embed/error.h"
#include "gallery/output.h"

namespace serve {

namespace {

int status_of(embed::ErrorCode code) {
  switch (code) {
    case embed::ErrorCode::InvalidArgument:
      return 400;
    case embed::ErrorCode::NotFound:
      return 404;
    case embed::ErrorCode::Mismatch:
      return 409;
    default:
      return 500;
  }
}

}  // namespace

Refusal conflict(const std::string& message) {
  return {409, "conflict", message};
}

Reply json_reply(const Json& value, int status) {
  Reply reply;
  reply.status = status;
  reply.body = gallery_tool::json_text(value);
  return reply;
}

Reply error_reply(int status, const std::string& code, const std::string& message) {
  return json_reply({{"error", message}, {"code", code}}, status);
}

Reply error_reply(const std::exception& error) {
  if (const auto* refusal = dynamic_cast<const Refusal*>(&error))
    return error_reply(refusal->status(), refusal->code(), refusal->what());
  if (const auto* known = dynamic_cast<const embed::Error*>(&error))
    return error_reply(status_of(known->code()), embed::to_string(known->code()), known->what());
  return error_reply(500, "internal", error.what());
}

Json json_body(const Request& request) {
  // Names of ten thousand characters are told to be too long; what is nested deeply is no request of ours.
  Json body = Json::parse(
      request.body, [](int depth, Json::parse_event_t, Json&) { return depth <= 4; }, false);
  if (!body.is_object()) throw Refusal(400, "body", "the body: a JSON object expected");
  return body;
}

std::string text_field(const Json& body, const char* name) {
  const auto field = body.find(name);
  if (field == body.end() || !field->is_string())
    throw Refusal(400, "body", std::string("the field '") + name + "': a text expected");
  return field->get<std::string>();
}

Json object_field(const Json& body, const char* name) {
  const auto field = body.find(name);
  if (field == body.end() || !field->is_object())
    throw Refusal(400, "body", std::string("the field '") + name + "': an object expected");
  return *field;
}

std::size_t number_value(const Request& request, const char* name, std::size_t without, std::size_t most) {
  const std::string text = request.value(name);
  if (text.empty()) return without;
  const bool digits =
      text.size() <= 9 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoul(text) > most)
    throw Refusal(400, "query",
                  std::string("'") + name + "': a number from 0 to " + std::to_string(most) + " expected");
  return std::stoul(text);
}

}  // namespace serve
