// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/broker_settings.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "embed/address.h"
#include "embed/error.h"

namespace embed::gst {
namespace {

[[noreturn]] void bad_address(const std::string& address, const std::string& expected) {
  throw Error(ErrorCode::InvalidArgument, "expected " + expected, public_address(address), "address");
}

bool starts_with(const std::string& text, const char* start) {
  return text.rfind(start, 0) == 0;
}

/// Splits `host:port`; false where that is not what it is. An empty port leaves `port` as it is.
bool split_host_port(const std::string& text, HostPort& out) {
  std::string port;
  if (!text.empty() && text[0] == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) return false;
    out.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return false;
      port = text.substr(end + 2);
      if (port.empty()) return false;
    }
  } else {
    const std::size_t colon = text.find(':');
    out.host = text.substr(0, colon);
    if (colon != std::string::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return false;
    }
  }
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
  };
  if (out.host.empty() || !std::all_of(out.host.begin(), out.host.end(), allowed)) return false;
  if (port.empty()) return true;
  if (port.size() > 5 ||
      !std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c); }))
    return false;
  out.port = std::stoi(port);
  return out.port >= 1 && out.port <= 65535;
}

}  // namespace

HostPort parse_mqtt_address(const std::string& address) {
  const char* const expected =
      "host, host:port, mqtt://host:port or mqtts://host:port (user and password have properties of their "
      "own)";
  HostPort found;
  std::string rest = address;
  for (const char* scheme : {"mqtts://", "ssl://"}) {
    if (starts_with(rest, scheme)) {
      rest.erase(0, std::strlen(scheme));
      found.tls = true;
    }
  }
  for (const char* scheme : {"mqtt://", "tcp://"}) {
    if (!found.tls && starts_with(rest, scheme)) rest.erase(0, std::strlen(scheme));
  }
  if (!rest.empty() && rest.back() == '/') rest.pop_back();
  found.port = found.tls ? 8883 : 1883;
  if (!split_host_port(rest, found)) bad_address(address, expected);
  return found;
}

void check_kafka_address(const std::string& address) {
  std::istringstream in(address);
  bool any = false;
  for (std::string server; std::getline(in, server, ',');) {
    HostPort found;
    found.port = 9092;
    if (!split_host_port(server, found))
      bad_address(address, "Kafka's bootstrap servers, host:port with commas between them");
    any = true;
  }
  if (!any) bad_address(address, "Kafka's bootstrap servers, host:port with commas between them");
}

void check_readable(const std::string& file, const char* property) {
  if (file.empty() || access(file.c_str(), R_OK) == 0) return;
  throw Error(errno == ENOENT ? ErrorCode::NotFound : ErrorCode::Io,
              std::string("cannot be read: ") + std::strerror(errno), file, property);
}

std::string read_password(const std::string& file) {
  check_readable(file, "password-file");
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line))
    throw Error(ErrorCode::InvalidArgument, "expected a password in the first line", file, "password-file");
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

}  // namespace embed::gst
