// SPDX-License-Identifier: LGPL-2.1-or-later
// The only file that knows cpp-httplib.
#include "serve/web_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "embed/error.h"

namespace serve {

namespace {

// A browser opens six connections at once, and one more stays open for what happens live.
constexpr std::size_t kThreads = 48;
constexpr std::size_t kMostBytesAtAll = 64U << 20U;
constexpr time_t kSecondsToSpeak = 10;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
  });
  return text;
}

Request request_of(const httplib::Request& in) {
  Request out;
  out.method = in.method;
  out.path = in.path;
  for (const auto& [name, value] : in.params) out.query.emplace(name, value);
  for (const auto& [name, value] : in.headers) out.headers.emplace(lower(name), value);
  return out;
}

void give(Reply reply, httplib::Response& out) {
  out.status = reply.status;
  for (const auto& [name, value] : reply.headers) out.set_header(name, value);
  if (!reply.next) {
    out.set_content(reply.body, reply.type);
    return;
  }
  out.set_chunked_content_provider(reply.type,
                                   [next = std::move(reply.next)](std::size_t, httplib::DataSink& sink) {
                                     try {
                                       std::string piece;
                                       if (next(piece))
                                         return piece.empty() || sink.write(piece.data(), piece.size());
                                     } catch (const std::exception&) {
                                       return false;  // The connection ends, and the browser asks anew.
                                     }
                                     sink.done();
                                     return true;
                                   });
}

Reply plain(int status, const std::string& text) {
  Reply reply;
  reply.status = status;
  reply.type = "text/plain; charset=utf-8";
  reply.body = text + "\n";
  return reply;
}

/// Without the library's wish that two servers may have one port.
void socket_options(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

}  // namespace

struct WebServer::State {
  Gate gate;
  Limit limit;
  Handler handler;
  httplib::Server server{};
  std::atomic<bool> ended{false};  // run() has returned.

  httplib::Server::HandlerResponse before(const httplib::Request& in, httplib::Response& out) const;
  void answer(Request request, httplib::Response& out) const;
  void answer_with_body(const httplib::Request& in, httplib::Response& out,
                        const httplib::ContentReader& read) const;
};

httplib::Server::HandlerResponse WebServer::State::before(const httplib::Request& in,
                                                          httplib::Response& out) const {
  const auto refuse = [&](int status, const char* text) {
    give(plain(status, text), out);
    return httplib::Server::HandlerResponse::Handled;
  };
  // The library would read the body of any other method into memory, however long it is.
  if (in.method != "GET" && in.method != "HEAD" && in.method != "POST")
    return refuse(405, "GET, HEAD or POST expected");
  // Whether one without a value counts differs between the library's versions.
  if (in.get_header_value_count("Host") != 1 || in.get_header_value("Host").empty())
    return refuse(400, "one header Host expected");
  if (in.has_header("Range")) return refuse(400, "no header Range expected");
  if (in.is_multipart_form_data()) return refuse(415, "the body itself expected, and no form");
  try {
    if (std::optional<Reply> refusal = gate(request_of(in))) {
      give(std::move(*refusal), out);
      return httplib::Server::HandlerResponse::Handled;
    }
  } catch (const std::exception& error) {
    return refuse(500, error.what());
  }
  return httplib::Server::HandlerResponse::Unhandled;
}

void WebServer::State::answer(Request request, httplib::Response& out) const {
  try {
    give(handler(request), out);
  } catch (const std::exception& error) {
    give(plain(500, error.what()), out);
  }
}

void WebServer::State::answer_with_body(const httplib::Request& in, httplib::Response& out,
                                        const httplib::ContentReader& read) const {
  Request request = request_of(in);
  const std::size_t most = limit(request);
  std::size_t got = 0;
  // What is too long is read to its end all the same, within reason, so that the browser hears the reply.
  const bool whole = read([&](const char* data, std::size_t size) {
    got += size;
    if (got <= most) request.body.append(data, size);
    return got <= kMostBytesAtAll;
  });
  if (got > most) return give(plain(413, "at most " + std::to_string(most) + " bytes expected"), out);
  if (!whole) {
    if (out.status < 400) give(plain(400, "the body ended early"), out);
    return;
  }
  answer(std::move(request), out);
}

WebServer::WebServer(Gate gate, Limit limit, Handler handler)
    : state_(new State{std::move(gate), std::move(limit), std::move(handler)}) {
  httplib::Server& server = state_->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_socket_options(socket_options);
  // A connection that waits for its next request would hold a thread.
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(kSecondsToSpeak / 5);
  server.set_read_timeout(kSecondsToSpeak);
  server.set_write_timeout(kSecondsToSpeak);
  server.set_payload_max_length(kMostBytesAtAll);
  server.set_pre_routing_handler(
      [this](const httplib::Request& in, httplib::Response& out) { return state_->before(in, out); });
  server.Get(".*", [this](const httplib::Request& in, httplib::Response& out) {
    state_->answer(request_of(in), out);
  });
  server.Post(".*", [this](const httplib::Request& in, httplib::Response& out,
                           const httplib::ContentReader& read) { state_->answer_with_body(in, out, read); });
}

WebServer::~WebServer() = default;

int WebServer::bind(const std::string& address, int port) {
  const int bound = port == 0                                    ? state_->server.bind_to_any_port(address)
                    : state_->server.bind_to_port(address, port) ? port
                                                                 : -1;
  if (bound < 0)
    throw embed::Error(embed::ErrorCode::Io, "cannot listen on " + address + ", port " +
                                                 std::to_string(port) +
                                                 ": is it this computer's address, and the port free?");
  return bound;
}

void WebServer::run() {
  state_->server.listen_after_bind();
  state_->ended = true;
}

void WebServer::stop() {
  // The library forgets what it is told before it serves.
  while (!state_->server.is_running() && !state_->ended)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  state_->server.stop();
}

}  // namespace serve
