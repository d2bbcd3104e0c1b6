// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <utility>

#include "embed/address.h"
#include "embed/error.h"

namespace {

TEST(PublicAddress, HasNoUserPasswordQueryOrFragment) {
  // scripts/address.py is the same for Python; tests/scripts/address_test.py reads this list.
  const std::pair<const char*, const char*> cases[] = {
      {"rtsp://user:secret@camera/stream", "rtsp://camera/stream"},
      {"rtsp://user@camera:554/stream", "rtsp://camera:554/stream"},
      {"rtsp://camera/stream?user=me&password=secret", "rtsp://camera/stream"},
      {"rtsp://camera?token=secret", "rtsp://camera"},
      {"https://camera/clip.mp4#secret", "https://camera/clip.mp4"},
      {"rtsp://user:sec@ret@camera/stream", "rtsp://camera/stream"},
      {"rtsp://user:sec/ret@camera/stream", "rtsp://camera/stream"},
      {"rtsp://user:sec?ret@camera/stream", "rtsp://camera/stream"},
      {"rtsp://user:secret@[fe80::1]:554/stream", "rtsp://[fe80::1]:554/stream"},
      {"rtsp://[fe80::1]/stream@2", "rtsp://[fe80::1]/stream@2"},
      {"rtsp://camera:554/stream@2", "rtsp://camera:554/stream@2"},
      {"rtsp://camera/stream", "rtsp://camera/stream"},
      {"file:///clips/me@home.mp4", "file:///clips/me@home.mp4"},
      {"/clips/what?.mp4", "/clips/what?.mp4"},
      {"me@home", "me@home"},
      {"", ""}};
  for (const auto& [address, shown] : cases) EXPECT_EQ(embed::public_address(address), shown) << address;
}

TEST(PublicAddress, IsWhatAnErrorShows) {
  const embed::Error error(embed::ErrorCode::Io, "no such camera", "rtsp://user:secret@camera/s?key=secret");
  EXPECT_STREQ(error.what(), "rtsp://camera/s: no such camera");
  EXPECT_EQ(error.file(), "rtsp://camera/s");
}

}  // namespace
