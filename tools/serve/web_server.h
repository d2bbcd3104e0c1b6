// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace serve {

/// What a browser asks for. Paths and values are decoded, and may hold any bytes.
struct Request {
  std::string method;  ///< GET, HEAD or POST.
  std::string path;
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< By names in lower case; the first one of each name.
  std::string body;                            ///< Empty when the gate is asked.

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  std::string value(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  }
};

struct Reply {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers;
  /// Where it is set, the body comes piece by piece: fills the next one, which may be empty when nothing new
  /// is known, and returns false at the end. Called by one thread; it may wait for a second.
  std::function<bool(std::string& piece)> next;
};

/// HTTP on one address, with the library behind it out of sight. A request is a connection, and has a thread
/// of a pool.
class WebServer {
 public:
  /// Looks at a request before its body is read: a reply refuses it.
  using Gate = std::function<std::optional<Reply>(const Request&)>;
  /// Answers what the gate let through. What it throws is answered with 500. Both are called by any number of
  /// threads at once.
  using Handler = std::function<Reply(const Request&)>;
  /// How many bytes a body may have.
  using Limit = std::function<std::size_t(const Request&)>;

  WebServer(Gate gate, Limit limit, Handler handler);
  ~WebServer();
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  /// Takes the address; port 0: any that is free. Returns the port. Throws embed::Error(Io) where that cannot
  /// be had.
  int bind(const std::string& address, int port);
  /// Serves until stop(), which another thread calls. Once.
  void run();
  /// Ends run() once the requests that are being answered are done; where run() is still to begin, waits for
  /// that.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace serve
