// SPDX-License-Identifier: LGPL-2.1-or-later
#include "broker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "fixtures.h"

namespace publishtest {
namespace {

std::string program_of(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/"}) {
    if (access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return {};
}

bool answers(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  close(fd);
  return connected;
}

}  // namespace

bool soon(const std::function<bool()>& condition, std::chrono::seconds most) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

Program::Program(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("no fork");
  if (pid_ > 0) return;
  const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  // A library's sockets among them would keep its connections open.
  for (int other = STDERR_FILENO + 1; other < 1024; ++other) close(other);
  execv(arguments[0], arguments.data());
  _exit(127);
}

Program& Program::operator=(Program&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}

void Program::signal(int number) const {
  kill(pid_, number);
}

void Program::end(int number) {
  if (pid_ <= 0) return;
  kill(pid_, number);
  // A program that was stopped takes no other signal.
  kill(pid_, SIGCONT);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error("no free port");
  close(fd);
  return ntohs(at.sin_port);
}

bool have_mosquitto() {
  return !program_of("mosquitto").empty() && !program_of("mosquitto_sub").empty();
}

Broker::Broker(const std::string& config) : port_(free_port()) {
  static int number = 0;
  folder_ = fixtures::temp_dir() + "/broker" + std::to_string(++number);
  std::filesystem::create_directory(folder_);
  std::ofstream(folder_ + "/config") << "listener " << port_ << " 127.0.0.1\n"
                                     << "persistence true\npersistence_location " << folder_ << "/\n"
                                     << "max_inflight_messages 0\nmax_queued_messages 0\n"
                                     << "log_dest file " << folder_ << "/log\nlog_type all\n"
                                     << (getuid() == 0 ? "user root\n" : "") << config;
  start();
}

Broker::~Broker() {
  program_.end(SIGKILL);
}

void Broker::start() {
  program_.end(SIGTERM);
  program_ = Program({program_of("mosquitto"), "-c", folder_ + "/config"});
  if (!soon([this] { return answers(port_); })) throw std::runtime_error("mosquitto does not start");
}

void Broker::save() const {
  std::filesystem::remove(folder_ + "/mosquitto.db");
  program_.signal(SIGUSR1);
  EXPECT_TRUE(soon([this] { return std::filesystem::exists(folder_ + "/mosquitto.db"); }));
}

bool Broker::logged(const std::string& text) const {
  return text_of(folder_ + "/log").find(text) != std::string::npos;
}

std::string password_file(const std::string& user, const std::string& password) {
  static int number = 0;
  const std::string path = fixtures::temp_dir() + "/passwords" + std::to_string(++number);
  std::ofstream(path) << user << ":" << password << "\n";
  Program({program_of("mosquitto_passwd"), "-U", path}).end(0);
  return path;
}

Listener::Listener(const Broker& broker, const std::vector<std::string>& more) {
  static int number = 0;
  const std::string id = "listener" + std::to_string(++number);
  output_ = broker.folder() + "/" + id;
  std::vector<std::string> command = {program_of("mosquitto_sub"),
                                      "-h",
                                      "127.0.0.1",
                                      "-p",
                                      std::to_string(broker.port()),
                                      "-i",
                                      id,
                                      "-c",
                                      "-q",
                                      "1",
                                      "-t",
                                      "#",
                                      "-F",
                                      "%r %t %p"};
  command.insert(command.end(), more.begin(), more.end());
  program_ = Program(command, output_);
  EXPECT_TRUE(soon([&] { return broker.logged("Sending SUBACK to " + id); }));
  broker.save();
}

std::vector<Listener::Heard> Listener::heard() const {
  std::vector<Heard> all;
  std::istringstream in(text_of(output_));
  for (std::string line; std::getline(in, line);) {
    const std::size_t end = line.find(' ', 2);
    if (end == std::string::npos) continue;
    all.push_back({line[0] == '1', line.substr(2, end - 2), line.substr(end + 1)});
  }
  return all;
}

std::string Listener::last(const std::string& topic) const {
  std::string payload;
  for (const Heard& message : heard()) {
    if (message.topic == topic) payload = message.payload;
  }
  return payload;
}

std::size_t Listener::count(const std::string& part) const {
  std::size_t found = 0;
  for (const Heard& message : heard()) found += message.topic.find(part) != std::string::npos ? 1 : 0;
  return found;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace publishtest
