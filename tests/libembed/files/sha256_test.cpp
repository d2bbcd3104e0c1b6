// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "embed/safetensors.h"
#include "files/sha256_blocks.h"
#include "fixtures.h"

namespace {

std::string hash(const std::string& text) {
  return embed::sha256_hex(text.data(), text.size());
}

struct Vector {
  const char* name;
  std::string message;
  const char* digest;
};

// FIPS 180-4's own examples, and NIST's SHA256ShortMsg / LongMsg vectors.
const Vector kVectors[] = {
    {"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"one byte", "\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
    {"two bytes", "\x11\xaf", "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"},
    {"three bytes", "\xb4\x19\x0e", "dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2"},
    {"abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"112 bytes",
     "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrs"
     "tnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a million a", std::string(1'000'000, 'a'),
     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

TEST(Sha256, GivesTheStandardsDigests) {
  for (const Vector& vector : kVectors) EXPECT_EQ(hash(vector.message), vector.digest) << vector.name;
}

TEST(Sha256, PadsEveryLengthOfThreeBlocks) {
  // Chained, so that one wrong length spoils the end. With Python's hashlib:
  //   d = ''
  //   for n in range(200): d = hashlib.sha256((d + 'x' * n).encode()).hexdigest()
  std::string digest;
  for (std::size_t n = 0; n < 200; ++n) digest = hash(digest + std::string(n, 'x'));
  EXPECT_EQ(digest, "17e907d803d8884243414b4e18d18acd5f8eacdc3941a8585b8d96940a81509c");
}

TEST(Sha256, InstructionsGiveThePortableState) {
  const embed::Sha256Blocks x86 = embed::x86_sha256_blocks();
  if (x86 == nullptr) GTEST_SKIP() << "this machine has no instructions for SHA-256";
  std::mt19937 random(1);
  for (const std::size_t blocks : {0U, 1U, 2U, 7U}) {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::uint8_t> bytes(64 * blocks + 1);
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
      embed::Sha256State portable{}, fast{};
      for (std::uint32_t& word : portable) word = static_cast<std::uint32_t>(random());
      fast = portable;
      // Not at an edge of 16 bytes.
      embed::portable_sha256_blocks(portable, bytes.data() + 1, blocks);
      x86(fast, bytes.data() + 1, blocks);
      EXPECT_EQ(fast, portable) << blocks << " blocks";
    }
  }
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const std::string path = fixtures::temp_dir() + "/hash.safetensors";
  embed::write_safetensors(path, {}, {{"kind", "nothing"}});
  const auto bytes = fixtures::read_bytes(path);
  EXPECT_EQ(embed::SafetensorsFile(path).sha256(), embed::sha256_hex(bytes.data(), bytes.size()));
}

}  // namespace
