// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "serve/web_server.h"

namespace serve {

using Json = nlohmann::json;

/// A request that cannot be met, with the HTTP status that says so and a word for the page's script.
class Refusal : public std::runtime_error {
 public:
  Refusal(int status, std::string code, const std::string& message)
      : std::runtime_error(message), status_(status), code_(std::move(code)) {}
  int status() const noexcept { return status_; }
  const std::string& code() const noexcept { return code_; }

 private:
  int status_;
  std::string code_;
};

/// Somebody else has changed meanwhile what was to be changed.
Refusal conflict(const std::string& message);

Reply json_reply(const Json& value, int status = 200);
/// {"error": message, "code": code}
Reply error_reply(int status, const std::string& code, const std::string& message);
/// Of a Refusal, an embed::Error or anything else.
Reply error_reply(const std::exception& error);

/// The body as a JSON object. Throws Refusal.
Json json_body(const Request& request);
/// A field of it that is a text. Throws Refusal.
std::string text_field(const Json& body, const char* name);
/// A field of it that is an object. Throws Refusal.
Json object_field(const Json& body, const char* name);
/// A number of the address's query, 0 to `most`; `without` where there is none. Throws Refusal.
std::size_t number_value(const Request& request, const char* name, std::size_t without, std::size_t most);

}  // namespace serve
