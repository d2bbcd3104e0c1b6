// SPDX-License-Identifier: LGPL-2.1-or-later
// Crops of every pixel format, layout and size, against the plain reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "crop_reference.h"
#include "embed/preprocess.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::Alignment;
using embed::ErrorCode;
using embed::FaceRegion;
using embed::ImageView;
using embed::InputSpec;
using embed::PixelFormat;
using embed::PixelRange;
using embed::YuvMatrix;
using fixtures::Pixels;
using testing_errors::expect_error;

InputSpec box_input(int side = 64, int channels = 3) {
  InputSpec input;
  input.width = input.height = side;
  input.channels = channels;
  input.crop.alignment = Alignment::Box;
  input.crop.box_scale = 1;
  input.crop.box_shift_x = input.crop.box_shift_y = 0;
  return input;
}

FaceRegion box(float x, float y, float width, float height) {
  FaceRegion region;
  region.box = {x, y, width, height};
  return region;
}

std::vector<std::uint8_t> crop(const ImageView& image, const FaceRegion& region, const InputSpec& input) {
  std::vector<std::uint8_t> out(embed::crop_bytes(input), 0xEE);
  embed::crop_face(image, region, input, out.data());
  return out;
}

/// Against the reference, for a box with equal sides, away from the image's rim (there the two mix black in
/// over different widths). YUV steps from one chroma sample to the next, which small pictures show, the more
/// so where one tap a pixel meets such a step now and then.
void check(const Pixels& image, const FaceRegion& region, const InputSpec& input) {
  const auto& rect = region.box;
  const auto map =
      reference::square_map(rect.x + rect.width / 2.0, rect.y + rect.height / 2.0, rect.width, input.width);
  const double cell = std::max(1.0, static_cast<double>(rect.width) / input.width);
  const auto got = crop(image.view(), region, input);
  const auto expected = reference::crop(image.view(), map, input);
  const auto where = reference::inside(image.view(), map, input, 2 * cell);
  const auto difference = reference::compare(got, expected, where);
  const bool yuv = embed::is_yuv(image.format);
  EXPECT_LE(difference.largest, yuv ? 10 : 2.5);
  EXPECT_LE(difference.mean, yuv ? 1.2 : 0.75);
}

TEST(CropPixels, EveryFormatAndSize) {
  const std::pair<int, int> sizes[] = {{64, 48}, {37, 29}, {1, 1}, {2, 3}, {200, 1}};
  for (const PixelFormat format : fixtures::all_formats()) {
    for (const auto& [width, height] : sizes) {
      for (const int extra : {0, 13}) {
        SCOPED_TRACE(std::string(fixtures::format_name(format)) + " " + std::to_string(width) + "x" +
                     std::to_string(height) + " +" + std::to_string(extra));
        const Pixels image = fixtures::make_image(format, width, height, extra, 3);
        check(image, box(0, 0, static_cast<float>(width), static_cast<float>(width)), box_input(32));
        check(image, box(3, 2, 20, 20), box_input(32));
      }
    }
  }
}

TEST(CropPixels, EveryMatrixAndRange) {
  for (const PixelFormat format : fixtures::all_formats()) {
    for (const YuvMatrix matrix : fixtures::all_matrices()) {
      for (const PixelRange range : {PixelRange::Usual, PixelRange::Full, PixelRange::Limited}) {
        SCOPED_TRACE(std::string(fixtures::format_name(format)) + " matrix " +
                     std::to_string(static_cast<int>(matrix)) + " range " +
                     std::to_string(static_cast<int>(range)));
        const Pixels image = fixtures::make_image(format, 50, 50, 6, 4, matrix, range);
        check(image, box(0, 0, 50, 50), box_input(32));
        check(image, box(0, 0, 50, 50), box_input(32, 1));
        // The picture itself is what comes out, not only what the bytes say.
        const bool grey = format == PixelFormat::Gray8;
        const Pixels rgb = fixtures::make_image(grey ? format : PixelFormat::Rgb, 50, 50, 0, 4);
        const auto a = crop(image.view(), box(5, 5, 40, 40), box_input(32));
        const auto b = crop(rgb.view(), box(5, 5, 40, 40), box_input(32));
        const std::vector<double> expected(b.begin(), b.end());
        EXPECT_LE(reference::compare(a, expected, std::vector<bool>(32 * 32, true)).mean, 2.5);
      }
    }
  }
}

TEST(CropPixels, ScalesFromTinyToLarge) {
  const Pixels image = fixtures::make_image(PixelFormat::Bgr, 700, 640, 5, 8);
  for (const float side : {3.0F, 16.0F, 33.0F, 64.0F, 65.0F, 90.0F, 127.0F, 128.0F, 200.0F, 333.0F, 640.0F}) {
    SCOPED_TRACE(side);
    check(image, box(20.3F, 11.7F, side, side), box_input());
  }
}

TEST(CropPixels, PartlyOutsideIsBlackThere) {
  const Pixels image = fixtures::make_image(PixelFormat::I420, 61, 47, 3, 5);
  for (const auto& region :
       {box(-20, -20, 50, 50), box(40, 30, 50, 50), box(-30, 10, 100, 100), box(10, -100, 128, 128)}) {
    SCOPED_TRACE(region.box.x);
    check(image, region, box_input());
    const auto got = crop(image.view(), region, box_input());
    const double scale = static_cast<double>(region.box.width) / 64;
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 64; ++x) {
        const double px = region.box.x + (x + 0.5) * scale, py = region.box.y + (y + 0.5) * scale;
        const double room = 1.5 + 2 * scale;
        if (px > -room && py > -room && px < image.width + room && py < image.height + room) continue;
        EXPECT_EQ(got[static_cast<std::size_t>(3 * (64 * y + x))], 0) << x << ' ' << y;
      }
    }
  }
}

TEST(CropPixels, FarOutsideIsAllBlack) {
  const Pixels image = fixtures::make_image(PixelFormat::Nv12, 40, 40);
  for (const auto& region : {box(500, 0, 20, 20), box(-500, 0, 20, 20), box(0, 500, 20, 20),
                             box(0, -500, 20, 20), box(999'000, -999'000, 5, 5)}) {
    EXPECT_EQ(crop(image.view(), region, box_input()), std::vector<std::uint8_t>(64 * 64 * 3, 0));
  }
}

TEST(CropPixels, AtItsOwnSizeNothingChanges) {
  const auto rgb = fixtures::rgb_pattern(64, 64, 6);
  const Pixels image = fixtures::from_rgb(rgb, 64, 64, PixelFormat::Bgrx, 7);
  EXPECT_EQ(crop(image.view(), box(0, 0, 64, 64), box_input()), rgb);
}

TEST(CropPixels, PackedFormatsGiveTheSameBytes) {
  const auto rgb = fixtures::rgb_pattern(101, 83, 9);
  const auto one = [&](PixelFormat format, int extra, const InputSpec& input) {
    return crop(fixtures::from_rgb(rgb, 101, 83, format, extra).view(), box(-5, 8.5F, 77, 77), input);
  };
  for (const int channels : {3, 1}) {
    const InputSpec input = box_input(64, channels);
    const auto expected = one(PixelFormat::Rgb, 0, input);
    for (const PixelFormat format : {PixelFormat::Rgb, PixelFormat::Bgr, PixelFormat::Rgba, PixelFormat::Bgra,
                                     PixelFormat::Rgbx, PixelFormat::Bgrx}) {
      for (const int extra : {0, 1, 32})
        EXPECT_EQ(one(format, extra, input), expected) << fixtures::format_name(format);
    }
    EXPECT_EQ(one(PixelFormat::Nv12, 0, input), one(PixelFormat::I420, 9, input));
  }
}

TEST(CropPixels, BothOrdersOfPairsGiveTheSameBytes) {
  for (const int channels : {3, 1}) {
    const auto one = [&](PixelFormat format, int extra) {
      return crop(fixtures::make_image(format, 1201, 83, extra).view(), box(-5, 8.5F, 1190, 1190),
                  box_input(64, channels));
    };
    EXPECT_EQ(one(PixelFormat::Yuy2, 0), one(PixelFormat::Uyvy, 9));
  }
}

TEST(CropPixels, HighDynamicRangeIsBroughtToWhatAScreenShows) {
  // Diffuse white of 203 cd/m² has the value 0.58 in PQ and 0.75 in HLG (ITU-R BT.2408), black is black, and
  // a mid grey of a fifth of white is a mid grey.
  const auto value = [](embed::Transfer transfer, std::uint8_t level) {
    Pixels image =
        fixtures::from_rgb(std::vector<std::uint8_t>(32 * 32 * 3, level), 32, 32, PixelFormat::Rgb);
    ImageView view = image.view();
    view.transfer = transfer;
    return int{crop(view, box(4, 4, 24, 24), box_input(16))[16 * 8 * 3]};
  };
  for (const auto transfer : {embed::Transfer::Pq, embed::Transfer::Hlg}) {
    EXPECT_EQ(value(transfer, 0), 0);
    EXPECT_GT(value(transfer, 255), 250);
    for (int level = 1; level < 256; ++level) {
      ASSERT_GE(value(transfer, static_cast<std::uint8_t>(level)),
                value(transfer, static_cast<std::uint8_t>(level - 1)));
    }
  }
  EXPECT_NEAR(value(embed::Transfer::Pq, 148), 240, 6);
  EXPECT_NEAR(value(embed::Transfer::Hlg, 191), 240, 6);
  EXPECT_NEAR(value(embed::Transfer::Pq, 107), 124, 8);
  EXPECT_EQ(value(embed::Transfer::Display, 77), 77);
}

TEST(CropPixels, BgrOrderSwapsRedAndBlue) {
  const Pixels image = fixtures::make_image(PixelFormat::I420, 80, 80);
  InputSpec input = box_input();
  const auto rgb = crop(image.view(), box(0, 0, 80, 80), input);
  input.bgr = true;
  const auto bgr = crop(image.view(), box(0, 0, 80, 80), input);
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    ASSERT_EQ(rgb[i], bgr[i + 2]);
    ASSERT_EQ(rgb[i + 1], bgr[i + 1]);
    ASSERT_EQ(rgb[i + 2], bgr[i]);
  }
}

TEST(CropPixels, RowPaddingAndAlphaNeverShow) {
  for (const PixelFormat format : fixtures::all_formats()) {
    Pixels image = fixtures::make_image(format, 45, 45, 16);
    const auto before = crop(image.view(), box(-4, -4, 60, 60), box_input());
    const Pixels tight = fixtures::make_image(format, 45, 45, 0);
    EXPECT_EQ(crop(tight.view(), box(-4, -4, 60, 60), box_input()), before) << fixtures::format_name(format);
    if (image.strides[0] != 4 * 45 + 16) continue;
    for (int y = 0; y < 45; ++y) {
      for (int x = 0; x < 45; ++x)
        image.planes[0][static_cast<std::size_t>(y * image.strides[0] + 4 * x + 3)] ^= 0xFF;
    }
    EXPECT_EQ(crop(image.view(), box(-4, -4, 60, 60), box_input()), before) << fixtures::format_name(format);
  }
}

TEST(CropPixels, BottomUpImagesHaveNegativeStrides) {
  const auto rgb = fixtures::rgb_pattern(30, 40, 2);
  std::vector<std::uint8_t> flipped;
  for (int y = 39; y >= 0; --y)
    flipped.insert(flipped.end(), rgb.begin() + y * 90, rgb.begin() + (y + 1) * 90);
  ImageView view;
  view.width = 30;
  view.height = 40;
  view.planes[0] = flipped.data() + 39 * 90;
  view.strides[0] = -90;
  const Pixels upright = fixtures::from_rgb(rgb, 30, 40, PixelFormat::Rgb);
  EXPECT_EQ(crop(view, box(2, 3, 28, 28), box_input()), crop(upright.view(), box(2, 3, 28, 28), box_input()));
}

/// Farthest value of the crop's middle from grey, for a one-pixel checkerboard reduced by `scale`.
int checkerboard_contrast(double scale) {
  const int side = static_cast<int>(64 * scale) + 16;
  std::vector<std::uint8_t> rgb;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) rgb.insert(rgb.end(), 3, (x + y) % 2 == 0 ? 255 : 0);
  }
  const auto size = static_cast<float>(64 * scale);
  const auto got =
      crop(fixtures::from_rgb(rgb, side, side, PixelFormat::Rgb).view(), box(5, 6, size, size), box_input());
  int farthest = 0;
  for (int y = 2; y < 62; ++y) {
    for (int x = 2; x < 62; ++x) {
      farthest = std::max(farthest, std::abs(got[static_cast<std::size_t>(3 * (64 * y + x))] - 128));
    }
  }
  return farthest;
}

TEST(CropPixels, AFineCheckerboardShrinksToGrey) {
  for (const double scale : {2.0, 2.3, 2.5, 4.0, 4.9, 6.1, 8.0})
    EXPECT_LE(checkerboard_contrast(scale), 2) << scale;
  // An odd cell cannot balance black and white: 1/9 and 1/25 of the contrast are left at most.
  for (const double scale : {3.0, 3.7, 5.0, 5.5}) EXPECT_LE(checkerboard_contrast(scale), 16) << scale;
}

TEST(CropPixels, ThreadsAndReusedScratchGiveTheSameBytes) {
  struct Job {
    Pixels image;
    FaceRegion region;
    InputSpec input;
    std::vector<std::uint8_t> expected;
  };
  std::vector<Job> jobs;
  for (int i = 0; i < 12; ++i) {
    const int side = 20 + 40 * i;
    const auto format = fixtures::all_formats()[static_cast<std::size_t>(i) % fixtures::all_formats().size()];
    Job job{fixtures::make_image(format, side, side + 3, i, static_cast<std::uint64_t>(i)),
            box(-3, 4, static_cast<float>(side), static_cast<float>(side)),
            box_input(16 + 8 * i, i % 2 == 0 ? 3 : 1),
            {}};
    job.expected = crop(job.image.view(), job.region, job.input);
    jobs.push_back(std::move(job));
  }
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 4 * jobs.size(); ++i) {
        const Job& job = jobs[(i * (t + 1) + t) % jobs.size()];
        wrong[t] += crop(job.image.view(), job.region, job.input) != job.expected;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(CropPixels, RefusesImagesThatAreNone) {
  const Pixels image = fixtures::make_image(PixelFormat::I420, 20, 20);
  const auto refuse = [&](const char* fragment, auto&& spoil) {
    ImageView view = image.view();
    spoil(view);
    std::vector<std::uint8_t> out(64 * 64 * 3);
    expect_error(ErrorCode::InvalidArgument, {fragment},
                 [&] { embed::crop_face(view, box(0, 0, 9, 9), box_input(), out.data()); });
    expect_error(ErrorCode::InvalidArgument, {fragment},
                 [&] { embed::crop_whole(view, box_input(), out.data()); });
  };
  refuse("0x20", [](ImageView& view) { view.width = 0; });
  refuse("20x-1", [](ImageView& view) { view.height = -1; });
  refuse("65536", [](ImageView& view) { view.width = 65'536; });
  refuse("plane 0 is missing", [](ImageView& view) { view.planes[0] = nullptr; });
  refuse("plane 2 is missing", [](ImageView& view) { view.planes[2] = nullptr; });
  refuse("CUDA device 1 to read", [](ImageView& view) { view.cuda_device = 1; });
  refuse("pixel aspect 0.0", [](ImageView& view) { view.pixel_aspect = 0; });
  refuse("pixel aspect nan", [](ImageView& view) { view.pixel_aspect = std::nanf(""); });
  refuse("plane 0: stride 19", [](ImageView& view) { view.strides[0] = 19; });
  refuse("plane 1: stride 9", [](ImageView& view) { view.strides[1] = 9; });
  refuse("plane 0: stride 20 is less than a row of 60",
         [](ImageView& view) { view.format = PixelFormat::Rgb; });
}

}  // namespace
