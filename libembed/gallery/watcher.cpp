// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/watcher.h"

#include <chrono>
#include <utility>
#include <vector>

namespace embed {

namespace {

/// Between two looks.
constexpr std::chrono::milliseconds kPause{200};

}  // namespace

Watcher& Watcher::shared() {
  // Never destroyed: a program may end while its thread runs.
  static Watcher& watcher = *new Watcher();
  return watcher;
}

void Watcher::add(const void* owner, std::function<void()> look) {
  const std::lock_guard<std::mutex> lock(mutex_);
  looks_[owner] = std::move(look);
  if (run_) return;
  run_ = std::make_shared<Run>();
  thread_ = std::thread([this, run = run_] { this->run(run); });
}

void Watcher::remove(const void* owner) {
  std::thread ended;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (looks_.erase(owner) == 0) return;
    const std::shared_ptr<Run> run = run_;
    const bool from_within = std::this_thread::get_id() == thread_.get_id();
    if (looks_.empty()) {
      run->stop = true;
      ended = std::move(thread_);
      run_.reset();
    }
    woken_.notify_all();
    if (!from_within) looked_.wait(lock, [&] { return run->looking != owner; });
    if (from_within && ended.joinable()) ended.detach();
  }
  if (ended.joinable()) ended.join();
}

void Watcher::wake() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    wake_ = true;
  }
  woken_.notify_all();
}

void Watcher::run(const std::shared_ptr<Run>& run) {
  std::unique_lock<std::mutex> lock(mutex_);
  std::vector<const void*> owners;
  while (!run->stop) {
    woken_.wait_for(lock, kPause, [&] { return wake_ || run->stop; });
    wake_ = false;
    owners.clear();
    for (const auto& [owner, look] : looks_) owners.push_back(owner);
    for (const void* owner : owners) {
      const auto found = looks_.find(owner);
      if (run->stop || found == looks_.end()) continue;
      const std::function<void()> look = found->second;
      run->looking = owner;
      lock.unlock();
      look();
      lock.lock();
      run->looking = nullptr;
      looked_.notify_all();
    }
  }
}

}  // namespace embed
