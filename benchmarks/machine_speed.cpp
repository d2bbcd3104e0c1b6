// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine's own limits, for the roofline: machine-speed THREADS SECONDS prints
//   {"threads", "tiles", "fp32", "bf16", "int8", "read"}
// operations a second (a multiply-add is two) in registers, by the widest vectors that the CPU has, and bytes
// a second read from memory, by all threads together. bf16 and int8 are null where the CPU has no products of
// these; where tiles is true they are those of its tiles (AMX). Each figure takes about SECONDS.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define BENCH_X86 1
// GCC knows tiles since 11, and with it its assembler.
#if defined(__linux__) && (defined(__clang__) || __GNUC__ >= 11)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#define BENCH_TILES 1
#endif
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSteps = 4096;
// Enough sums at once to hide a multiply-add's latency on cores that start two a cycle, few enough for 16
// registers.
constexpr int kSums = 10;
// Well beyond any last-level cache.
constexpr std::size_t kReadBytes = std::size_t{256} << 20;

// Each of these does kSteps × kSums vector operations. The empty asm keeps the compiler from seeing through
// them.
#ifdef BENCH_X86
__attribute__((target("avx512f"))) void fma_avx512() {
  __m512 sums[kSums], a = _mm512_set1_ps(0.999F), b = _mm512_set1_ps(0.001F);
  for (auto& sum : sums) sum = _mm512_set1_ps(1);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 10
    for (auto& sum : sums) {
      sum = _mm512_fmadd_ps(sum, a, b);
      asm volatile("" : "+v"(sum));
    }
  }
}

__attribute__((target("avx512f,avx512bf16"))) void dot_bf16() {
  __m512 sums[kSums];
  const auto halves = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5F), _mm512_set1_ps(0.25F));
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 10
    for (auto& sum : sums) {
      sum = _mm512_dpbf16_ps(sum, halves, halves);
      asm volatile("" : "+v"(sum));
    }
  }
}

__attribute__((target("avx512f,avx512vnni"))) void dot_int8() {
  __m512i sums[kSums];
  const __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(2);
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 10
    for (auto& sum : sums) {
      // GCC 12 copies the sum around its intrinsic, which costs more than the instruction.
      asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    }
  }
}

__attribute__((target("avx2,fma"))) void fma_avx2() {
  __m256 sums[kSums], a = _mm256_set1_ps(0.999F), b = _mm256_set1_ps(0.001F);
  for (auto& sum : sums) sum = _mm256_set1_ps(1);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 10
    for (auto& sum : sums) {
      sum = _mm256_fmadd_ps(sum, a, b);
      asm volatile("" : "+x"(sum));
    }
  }
}
#endif

#ifdef BENCH_TILES
constexpr int kTileRows = 16, kTileBytes = 64;

/// CPUID has AMX with both kinds of product, and Linux lets this process use it (which has to be asked for).
bool has_tiles() {
  constexpr unsigned kTile = 1U << 24, kBF16 = 1U << 22, kInt8 = 1U << 25, kAll = kTile | kBF16 | kInt8;
  constexpr long kRequest = 0x1023, kTileData = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kAll) == kAll &&
         syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

/// Tiles of zeros, all full: sums in 0 to 4, factors in 6 and 7.
struct Tiles {
  Tiles() {
    struct alignas(64) {
      std::uint8_t palette = 1, unused[15] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } shapes;
    std::fill(shapes.row_bytes, shapes.row_bytes + 8, std::uint16_t{kTileBytes});
    std::fill(shapes.rows, shapes.rows + 8, std::uint8_t{kTileRows});
    asm volatile("ldtilecfg %0" : : "m"(shapes));
  }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

static_assert(kSums == 10, "the loops below have five products twice");

void dot_tiles_bf16() {
  const Tiles tiles;
  for (int i = 0; i < 2 * kSteps; ++i) {
    asm volatile(
        "tdpbf16ps %tmm7, %tmm6, %tmm0\n tdpbf16ps %tmm7, %tmm6, %tmm1\n tdpbf16ps %tmm7, %tmm6, %tmm2\n"
        "tdpbf16ps %tmm7, %tmm6, %tmm3\n tdpbf16ps %tmm7, %tmm6, %tmm4");
  }
}

void dot_tiles_int8() {
  const Tiles tiles;
  for (int i = 0; i < 2 * kSteps; ++i) {
    asm volatile(
        "tdpbusd %tmm7, %tmm6, %tmm0\n tdpbusd %tmm7, %tmm6, %tmm1\n tdpbusd %tmm7, %tmm6, %tmm2\n"
        "tdpbusd %tmm7, %tmm6, %tmm3\n tdpbusd %tmm7, %tmm6, %tmm4");
  }
}
#endif

/// Whatever vectors the compiler takes by itself: 4 lanes.
void fma_portable() {
  float sums[kSums][4];
  for (auto& sum : sums) std::fill(sum, sum + 4, 1.0F);
  for (int step = 0; step < kSteps; ++step) {
    for (auto& sum : sums) {
      for (float& lane : sum) lane = lane * 0.999F + 0.001F;
    }
    asm volatile("" : : "r"(sums) : "memory");
  }
}

#ifdef BENCH_X86
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
std::uint64_t
sum_of(const std::uint64_t* values, std::size_t count) {
  std::uint64_t lanes[32] = {};
  for (std::size_t i = 0; i < count; i += 32) {
    for (std::size_t lane = 0; lane < 32; ++lane) lanes[lane] += values[i + lane];
  }
  return std::accumulate(lanes, lanes + 32, std::uint64_t{0});
}

/// Runs `work` on every thread for about `seconds`; calls a second, all threads together.
double calls_per_second(int threads, double seconds, const std::function<void(int)>& work) {
  std::vector<double> rates(static_cast<std::size_t>(threads));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      work(t);  // Not counted: the clock frequency settles, and memory is there.
      std::int64_t calls = 0;
      double passed = 0;
      for (const auto begin = Clock::now(); passed < seconds; ++calls) {
        work(t);
        passed = std::chrono::duration<double>(Clock::now() - begin).count();
      }
      rates[static_cast<std::size_t>(t)] = static_cast<double>(calls) / passed;
    });
  }
  for (auto& worker : workers) worker.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

double operations(int threads, double seconds, int a_vector, void (*loop)()) {
  return calls_per_second(threads, seconds, [loop](int) { loop(); }) * kSteps * kSums * a_vector;
}

double read_rate(int threads, double seconds) {
  std::vector<std::vector<std::uint64_t>> buffers(static_cast<std::size_t>(threads));
  for (auto& buffer : buffers) buffer.assign(kReadBytes / sizeof(std::uint64_t), 1);
  return static_cast<double>(kReadBytes) * calls_per_second(threads, seconds, [&](int t) {
           const auto& buffer = buffers[static_cast<std::size_t>(t)];
           volatile std::uint64_t kept = sum_of(buffer.data(), buffer.size());
           (void)kept;
         });
}

nlohmann::json measure(int threads, double seconds) {
  nlohmann::json result = {
      {"threads", threads}, {"tiles", false}, {"fp32", nullptr}, {"bf16", nullptr}, {"int8", nullptr}};
#ifdef BENCH_X86
  if (__builtin_cpu_supports("avx512f")) {
    result["fp32"] = operations(threads, seconds, 32, fma_avx512);
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    result["fp32"] = operations(threads, seconds, 16, fma_avx2);
  }
  if (__builtin_cpu_supports("avx512bf16")) result["bf16"] = operations(threads, seconds, 64, dot_bf16);
  if (__builtin_cpu_supports("avx512vnni")) result["int8"] = operations(threads, seconds, 128, dot_int8);
#endif
#ifdef BENCH_TILES
  if (has_tiles()) {
    constexpr int kOperations = 2 * kTileRows * kTileRows * kTileBytes;  // Of one byte; half as many of two.
    result["tiles"] = true;
    result["bf16"] = operations(threads, seconds, kOperations / 2, dot_tiles_bf16);
    result["int8"] = operations(threads, seconds, kOperations, dot_tiles_int8);
  }
#endif
  if (result["fp32"].is_null()) result["fp32"] = operations(threads, seconds, 8, fma_portable);
  result["read"] = read_rate(threads, seconds);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc == 3 ? std::atoi(argv[1]) : 0;
  const double seconds = argc == 3 ? std::atof(argv[2]) : 0;
  if (threads < 1 || threads > 1024 || !(seconds > 0)) {
    std::fprintf(stderr, "usage: machine-speed THREADS SECONDS\n");
    return 2;
  }
  std::printf("%s\n", measure(threads, seconds).dump().c_str());
  return 0;
}
