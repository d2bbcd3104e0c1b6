// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serve/gate.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "embed/error.h"
#include "serve/errors.h"
#include "serve/page.h"

namespace serve {

namespace {

// Each wrong token costs so much, and so many may be tried in a row: ten, and then one in two seconds.
constexpr std::int64_t kWrongCosts = 2'000, kWrongAtOnce = 20'000;

std::int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

/// In a time that says nothing of where they differ.
bool same(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned different = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned>(static_cast<unsigned char>(a[i])) ^ static_cast<unsigned char>(b[i]);
  return different == 0;
}

/// Without the port, and without the brackets of an address of IPv6.
std::string name_of_host(const std::string& host) {
  if (!host.empty() && host.front() == '[') return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

bool is_page(const Request& request) {
  return request.path == "/" ||
         (request.path.front() == '/' && page_file(request.path.substr(1)).has_value());
}

/// By what browsers say of their requests; "none" is a user's own, typed into the address bar.
bool is_of_another_page(const Request& request) {
  const std::string site = request.header("sec-fetch-site");
  return !site.empty() && site != "same-origin" && site != "none";
}

}  // namespace

bool is_loopback(const std::string& address) {
  in_addr four{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24U) == 127;
  return address == "localhost" || address == "::1";
}

std::string random_token() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw embed::Error(embed::ErrorCode::Io, "the system gives no random numbers");
  std::string text;
  for (const unsigned char byte : bytes) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", byte);
    text += digits.data();
  }
  return text;
}

Gate::Gate(Options options)
    : options_(std::move(options)), page_token_(random_token()), session_(random_token()) {}

bool Gate::host_is_meant(const std::string& host) const {
  const std::string name = name_of_host(host);
  return name == "localhost" || is_address(name) ||
         std::find(options_.hosts.begin(), options_.hosts.end(), name) != options_.hosts.end();
}

std::string Gate::cookie_name() const {
  // Cookies do not heed ports: two of these servers on a computer would log each other out.
  return "triplet-gallery-" + std::to_string(options_.port);
}

bool Gate::has_session(const Request& request) const {
  if (options_.token.empty()) return true;
  const std::string cookies = "; " + request.header("cookie") + ";";
  const std::string start = "; " + cookie_name() + "=";
  const std::size_t at = cookies.find(start);
  if (at == std::string::npos) return false;
  const std::size_t value = at + start.size();
  return same(cookies.substr(value, cookies.find(';', value) - value), session_);
}

std::optional<Reply> Gate::refusal_of_change(const Request& request) const {
  const std::string origin = request.header("origin"), host = request.header("host");
  if (!origin.empty() && origin != "http://" + host && origin != "https://" + host)
    return error_reply(403, "origin", "another page asked for this");
  if (is_of_another_page(request)) return error_reply(403, "origin", "another page asked for this");
  const std::string type = request.header("content-type");
  // What a form of another page cannot send without asking first.
  if (type.rfind("application/json", 0) != 0 && type.rfind("application/octet-stream", 0) != 0)
    return error_reply(415, "type",
                       "the type application/json expected, of pictures application/octet-stream");
  if (request.path == "/api/check-in") return std::nullopt;
  if (!has_session(request)) return error_reply(401, "session", "the token is needed");
  if (!same(request.header("x-page-token"), page_token_))
    return error_reply(403, "page-token", "the page is of an earlier start of the server: load it again");
  if (options_.read_only) return error_reply(403, "read-only", "the server was started with --read-only");
  return std::nullopt;
}

std::optional<Reply> Gate::refusal(const Request& request) {
  if (!host_is_meant(request.header("host")))
    return error_reply(403, "host", "the page is not to be called by that name (--host)");
  if (request.method == "POST") return refusal_of_change(request);
  if (is_page(request)) return std::nullopt;
  if (is_of_another_page(request)) return error_reply(403, "origin", "another page asked for this");
  if (!has_session(request)) return error_reply(401, "session", "the token is needed");
  return std::nullopt;
}

Reply Gate::check_in(const std::string& token) {
  const std::int64_t time = now();
  if (wrong_until_ > time + kWrongAtOnce)
    return error_reply(429, "wait", "too many wrong tokens: wait some seconds");
  if (!options_.token.empty() && !same(token, options_.token)) {
    wrong_until_ = std::max<std::int64_t>(wrong_until_, time) + kWrongCosts;
    return error_reply(401, "session", "this is not the token");
  }
  Reply reply = json_reply(Json::object());
  reply.headers["Set-Cookie"] = cookie_name() + "=" + session_ + "; Path=/; HttpOnly; SameSite=Strict";
  return reply;
}

}  // namespace serve
