// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

/// What the tests of publishing share: a mosquitto of their own, and a client of it that listens.
namespace publishtest {

/// Waits so long for something to become true.
bool soon(const std::function<bool()>& condition, std::chrono::seconds most = std::chrono::seconds(20));

/// A program that is killed with the object.
class Program {
 public:
  Program() = default;
  explicit Program(const std::vector<std::string>& command, const std::string& output = "/dev/null");
  Program(Program&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }
  Program& operator=(Program&& other) noexcept;
  ~Program() { end(9); }
  void signal(int number) const;
  /// Sends the signal and waits for the end.
  void end(int number);

 private:
  pid_t pid_ = -1;
};

/// A port of the loopback address that nobody has now.
int free_port();

/// Whether there is a mosquitto and its clients.
bool have_mosquitto();

/// A mosquitto on a free port, in a folder of its own. What it is told by QoS 1 it keeps for a listener that
/// is away, also when it is killed and started again.
class Broker {
 public:
  /// `config`: more lines of its configuration.
  explicit Broker(const std::string& config = "allow_anonymous true\n");
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// Starts it, again where it was ended.
  void start();
  void end(int signal) { program_.end(signal); }
  /// SIGSTOP and SIGCONT.
  void signal(int number) const { program_.signal(number); }
  /// Has it write down who has subscribed to what.
  void save() const;
  bool logged(const std::string& text) const;

  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  int port_;
  Program program_;
};

/// A client that hears all topics, and whom the broker keeps messages for.
class Listener {
 public:
  /// Returns when it has subscribed, and the broker has written that down. `more`: arguments of
  /// mosquitto_sub.
  explicit Listener(const Broker& broker, const std::vector<std::string>& more = {});

  struct Heard {
    bool retained = false;
    std::string topic, payload;
  };
  std::vector<Heard> heard() const;
  /// The payload that came last on a topic.
  std::string last(const std::string& topic) const;
  /// How many have come on topics that hold this text.
  std::size_t count(const std::string& part) const;

 private:
  std::string output_;
  Program program_;
};

/// A file of passwords for a broker's configuration, with this user alone.
std::string password_file(const std::string& user, const std::string& password);

/// All of a file.
std::string text_of(const std::string& path);

}  // namespace publishtest
