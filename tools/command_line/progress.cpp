// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace command_line {

namespace {
constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::chrono::seconds kQuiet{2};
}  // namespace

Progress::Progress(std::string what, std::size_t total)
    : what_(std::move(what)),
      total_(total),
      next_line_(total / 10),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  erase();
}

void Progress::erase() {
  if (terminal_ && drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void Progress::step(std::size_t done) {
  done_ += done;
  const Clock::time_point now = Clock::now();
  if (terminal_) {
    if (now - start_ < kQuiet || now - last_ < kRedraw) return;
    last_ = now;
    drawn_ = true;
    std::fputc('\r', stderr);
    draw();
    std::fputs("\033[K", stderr);
  } else if (done_ >= next_line_) {
    next_line_ = done_ + total_ / 10 + 1;
    if (now - start_ < kQuiet) return;
    draw();
    std::fputc('\n', stderr);
  }
  std::fflush(stderr);
}

void Progress::draw() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double left =
      done_ == 0 ? 0.0 : seconds / static_cast<double>(done_) * static_cast<double>(total_ - done_);
  std::fprintf(stderr, "%s: %zu of %zu (%.0f a second, %.0f s left)", what_.c_str(), done_, total_,
               static_cast<double>(done_) / seconds, left);
}

}  // namespace command_line
