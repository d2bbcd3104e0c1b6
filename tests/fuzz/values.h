// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "fuzz_target.h"

namespace fuzz {

/// An input taken for a list of choices: each call takes some bytes off its front, and zeros where it has no
/// more. Borrows the bytes.
class Values {
 public:
  Values(const std::uint8_t* data, std::size_t size) : at_(data), left_(size) {}

  bool more() const { return left_ > 0; }
  std::uint8_t byte() { return bits<std::uint8_t>(); }
  bool flag() { return byte() % 2 == 1; }
  /// True once in so many.
  bool once_in(unsigned times) { return byte() % times == 1; }
  /// 0 to limit − 1; a limit is 1 to 65,536.
  std::size_t below(std::size_t limit) { return (limit > 256 ? bits<std::uint16_t>() : byte()) % limit; }
  template <typename Number>
  Number bits() {
    Number number{};
    const std::size_t taken = left_ < sizeof number ? left_ : sizeof number;
    if (taken > 0) std::memcpy(&number, at_, taken);
    at_ += taken;
    left_ -= taken;
    return number;
  }
  /// One of them.
  template <typename Item, std::size_t kCount>
  Item of(const Item (&items)[kCount]) {
    return items[below(kCount)];
  }
  /// Most are between −2 and 2; the others are those that arithmetic trips over, or any at all.
  double real() {
    constexpr double kEdges[] = {0,
                                 -0.0,
                                 1,
                                 -1,
                                 0.5,
                                 1e-300,
                                 1e300,
                                 std::numeric_limits<double>::infinity(),
                                 1e6,
                                 -1e6,
                                 1e30,
                                 65535,
                                 std::numeric_limits<double>::quiet_NaN(),
                                 -1e30,
                                 1e-30,
                                 -std::numeric_limits<double>::infinity()};
    switch (below(8)) {
      case 0:
        return of(kEdges);
      case 1:
        return bits<double>();
      case 2:
        return static_cast<double>(bits<float>());
      default:
        return bits<std::int16_t>() / 16384.0;
    }
  }
  /// At most so many bytes of the input as they are.
  std::string text(std::size_t most) {
    const std::size_t wanted = below(most + 1), taken = left_ < wanted ? left_ : wanted;
    std::string out(reinterpret_cast<const char*>(at_), taken);
    at_ += taken;
    left_ -= taken;
    return out;
  }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

/// Seeds of a target that makes its cases from Values: any bytes will do.
std::vector<Bytes> arbitrary_seeds(std::size_t count, std::size_t size);

}  // namespace fuzz
