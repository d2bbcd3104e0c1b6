// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <pthread.h>
#include <cstddef>

#include <stdexcept>

namespace fixtures {

/// While it lives, no thread of the process can be started: each would get a stack that is larger than the
/// address space. One thread at a time.
class NoNewThreads {
 public:
  NoNewThreads() {
    pthread_attr_t none;
    pthread_attr_init(&none);
    pthread_attr_setstacksize(&none, std::size_t{1} << 47);
    const bool failed = pthread_getattr_default_np(&before_) != 0 || pthread_setattr_default_np(&none) != 0;
    pthread_attr_destroy(&none);
    if (failed) throw std::runtime_error("the size of new threads' stacks cannot be set");
  }
  ~NoNewThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoNewThreads(const NoNewThreads&) = delete;
  NoNewThreads& operator=(const NoNewThreads&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace fixtures
