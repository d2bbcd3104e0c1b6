// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>

#include "serve/web_server.h"

namespace {

TEST(WebServer, IsStoppedThoughItHasYetToStart) {
  serve::WebServer server([](const serve::Request&) { return std::nullopt; },
                          [](const serve::Request&) { return std::size_t{0}; },
                          [](const serve::Request&) { return serve::Reply{}; });
  server.bind("127.0.0.1", 0);
  std::thread serving([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    server.run();
  });
  server.stop();
  serving.join();
}

}  // namespace
