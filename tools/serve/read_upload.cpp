// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of upload_process.h.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>

#include "embed/error.h"
#include "gallery/output.h"
#include "serve/commands.h"
#include "serve/hex.h"
#include "serve/pictures.h"
#include "serve/upload_process.h"

namespace serve {

namespace {

using gallery_tool::Json;

constexpr std::size_t kMostSaid = 4U << 20U;
constexpr int kMostAtOnce = 2;
constexpr int kSeconds = 60;

[[noreturn]] void fail(const char* what) {
  throw embed::Error(embed::ErrorCode::Io, std::string("the process that reads pictures ") + what);
}

/// A file descriptor that is closed with this object.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { close(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const noexcept { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

/// Lets so many in at a time.
class Turns {
 public:
  void begin() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [this] { return at_work_ < kMostAtOnce; });
    ++at_work_;
  }
  void end() {
    {
      const std::lock_guard lock(mutex_);
      --at_work_;
    }
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  int at_work_ = 0;
};

Turns& turns() {
  static Turns all;
  return all;
}

struct Turn {
  Turn() { turns().begin(); }
  ~Turn() { turns().end(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
};

/// The picture as a file without a name, at its beginning.
int file_of(const std::string& picture) {
  const int fd = ::memfd_create("picture", MFD_CLOEXEC);
  if (fd < 0) fail("cannot be given the picture");
  for (std::size_t done = 0; done < picture.size();) {
    const ssize_t put = ::write(fd, picture.data() + done, picture.size() - done);
    if (put <= 0) {
      ::close(fd);
      fail("cannot be given the picture");
    }
    done += static_cast<std::size_t>(put);
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

/// This program once more, with these as standard input and output.
pid_t start(int in, int out, const std::string& weights) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&how, &none);
  // A group of its own: Ctrl-C ends the server, which waits for it.
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::string command = kUploadCommand, flag = "--weights", file = weights, name = "triplet-gallery";
  std::array<char*, 5> arguments{name.data(), command.data(), flag.data(), file.data(), nullptr};
  pid_t process = -1;
  const int failed = ::posix_spawn(&process, "/proc/self/exe", &files, &how, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  if (failed != 0) fail("cannot be started");
  return process;
}

/// All that it says until it ends, or until the time is over.
std::string listen_to(int fd) {
  std::string said;
  std::array<char, 65536> block{};
  const auto now = [] {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
  };
  const time_t end = now() + kSeconds;
  while (said.size() <= kMostSaid) {
    pollfd one = {fd, POLLIN, 0};
    const time_t left = end - now();
    if (left <= 0 || ::poll(&one, 1, static_cast<int>(left) * 1000) == 0) return {};
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return said;
    said.append(block.data(), static_cast<std::size_t>(got));
  }
  return {};
}

Upload refused(const std::string& refusal, const std::string& why) {
  Upload upload;
  upload.refusal = refusal;
  upload.why = why;
  return upload;
}

bool take_embedding(const Json& said, Upload& upload) {
  const auto bytes = from_hex(said.value("embedding", ""));
  if (!bytes || bytes->size() != sizeof upload.embedding) return false;
  std::memcpy(upload.embedding.data(), bytes->data(), sizeof upload.embedding);
  for (const float value : upload.embedding)
    if (!std::isfinite(value)) return false;
  return true;
}

/// What it said, which may be anything: it looked at a picture that may be anything.
Upload checked(const std::string& text) {
  const Json said = Json::parse(text, nullptr, false);
  if (!said.is_object()) return refused("unreadable", "the picture could not be read");
  try {
    const std::string refusal = said.value("refusal", "unreadable");
    if (refusal != "none") return refused(refusal.substr(0, 40), said.value("why", "").substr(0, 300));
    Upload upload;
    upload.quality = said.value("quality", -1.0F);
    const auto crop = from_hex(said.value("crop", ""));
    if (!take_embedding(said, upload) || !(upload.quality >= 0 && upload.quality <= 1) || !crop ||
        !picture_of(*crop))
      return refused("unreadable", "the picture could not be read");
    upload.crop = *crop;
    upload.taken = true;
    return upload;
  } catch (const Json::exception&) {
    return refused("unreadable", "the picture could not be read");
  }
}

}  // namespace

Upload read_upload(const std::string& picture, const std::string& weights) {
  const Turn turn;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("cannot be heard");
  const Fd out(ends[0]);
  Fd in(ends[1]);
  const Fd file(file_of(picture));
  const pid_t process = start(file.get(), in.get(), weights);
  in.close();
  const std::string said = listen_to(out.get());
  // It has ended, which a signal does not change, or says too much, or takes too long.
  ::kill(process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return checked(said);
  if (WIFEXITED(status))
    return refused("failed", "pictures cannot be read here: the server's output says why");
  return refused("unreadable", "reading the picture took too much time or memory");
}

}  // namespace serve
