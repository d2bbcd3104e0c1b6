// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serve/site.h"

#include <utility>

#include "serve/page.h"
#include "serve/upload_process.h"

namespace serve {

namespace {

// Scripts and styles are the page's own files, nothing is fetched from elsewhere, and nobody frames the page.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

constexpr std::size_t kMostJson = 64U << 10U;

std::string type_of(const std::string& name) {
  const std::string ending = name.substr(name.rfind('.'));
  if (ending == ".js") return "text/javascript; charset=utf-8";
  if (ending == ".svg") return "image/svg+xml";
  return ending == ".css" ? "text/css; charset=utf-8" : "text/html; charset=utf-8";
}

Reply page_reply(const std::string& name, std::string_view content) {
  Reply reply;
  reply.type = type_of(name);
  reply.body = content;
  return reply;
}

Reply state(Site& site, const Request&) {
  const auto snapshot = site.gallery().get();
  const embed::Gallery& gallery = snapshot->gallery;
  return json_reply({{"gallery", site.options().gallery},
                     {"people", gallery.names().size()},
                     {"rows", gallery.rows()},
                     {"strangers", !site.options().strangers.empty()},
                     {"events", site.events().follows_any()},
                     {"enrolment", !site.options().weights.empty()},
                     {"most_bytes", kMostUpload},
                     {"read_only", site.gate().read_only()},
                     {"page_token", site.gate().page_token()}});
}

Reply check_in(Site& site, const Request& request) {
  return site.gate().check_in(text_field(json_body(request), "token"));
}

void add_headers(Reply& reply) {
  reply.headers.emplace("Cache-Control", "no-store");
  reply.headers["Content-Security-Policy"] = kPolicy;
  reply.headers["X-Content-Type-Options"] = "nosniff";
  reply.headers["Referrer-Policy"] = "no-referrer";
  reply.headers["Cross-Origin-Resource-Policy"] = "same-origin";
  reply.headers["Cross-Origin-Opener-Policy"] = "same-origin";
  reply.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()";
}

}  // namespace

Site::Site(SiteOptions options, Gate& gate)
    : options_(std::move(options)),
      gate_(gate),
      gallery_(options_.gallery, options_.fresh),
      events_(options_.events) {
  answers_[{"GET", "/api/state"}] = state;
  answers_[{"POST", "/api/check-in"}] = check_in;
  add_people(answers_);
  add_strangers(answers_);
  add_events(answers_);
  add_enrolment(answers_);
}

Reply Site::answer(const Request& request) {
  Reply reply;
  try {
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    const auto found = answers_.find({method, request.path});
    const std::string file = request.path == "/" ? "index.html" : request.path.substr(1);
    const auto content = method == "GET" ? page_file(file) : std::nullopt;
    if (found != answers_.end()) {
      reply = found->second(*this, request);
    } else if (content) {
      reply = page_reply(file, *content);
    } else {
      reply = error_reply(404, "path", "there is nothing of that name here");
    }
  } catch (const std::exception& error) {
    reply = error_reply(error);
  }
  add_headers(reply);
  return reply;
}

std::size_t Site::body_limit(const Request& request) const {
  return request.path == "/api/enrol" ? kMostUpload : kMostJson;
}

void Site::close() {
  closing_ = true;
  events_.close();
}

}  // namespace serve
