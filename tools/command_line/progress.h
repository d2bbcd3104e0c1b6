// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace command_line {

/// Says on the standard error how far a long job is: one line that is redrawn on a terminal, a plain line
/// every ten per cent elsewhere. Jobs done within two seconds say nothing. Not thread-safe.
class Progress {
 public:
  Progress(std::string what, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step(std::size_t done = 1);
  /// Takes the line off the terminal, where it is drawn, so that something else can be said there.
  void erase();

 private:
  using Clock = std::chrono::steady_clock;
  void draw() const;

  std::string what_;
  std::size_t total_, done_ = 0;
  std::size_t next_line_ = 0;
  bool terminal_, drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace command_line
