// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace training {

/// The processes that train one network together, over LibTorch's c10d: Gloo between CPUs, NCCL between GPUs.
/// Every call is collective: all ranks make the same calls in the same order, and each waits for the others.
/// Throws embed::Error(Device) when a rank is lost. Not thread-safe.
class Ranks {
 public:
  /// By the variables that torchrun sets: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT. Null when WORLD_SIZE is
  /// not set or 1. Waits until all ranks are there. Throws embed::Error(InvalidArgument) that names a
  /// variable which is missing or makes no sense, and Error(Device) when this build has no c10d for the
  /// device or the ranks do not meet within ten minutes.
  static std::unique_ptr<Ranks> from_environment(torch::Device device);
  /// WORLD_SIZE, or 1; LOCAL_RANK, or 0: what must be known before the device is.
  static int world_size();
  static int local_rank();
  /// LOCAL_WORLD_SIZE, or WORLD_SIZE: the ranks of this machine.
  static int local_size();

  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }

  /// `tensor`, on the ranks' device, becomes its sum over all ranks.
  void sum(torch::Tensor& tensor);
  /// All ranks' rows, rank by rank. `counts`: rows of each rank, the same list everywhere. No gradient
  /// passes.
  torch::Tensor gather(const torch::Tensor& rows, const std::vector<std::int64_t>& counts);
  /// Rank 0's numbers for everyone.
  void share(std::vector<double>& numbers);
  /// Rank 0's float32 `tensor`, on any device, for everyone.
  void share(torch::Tensor& tensor);
  /// Whether all ranks say the same `text`; the same answer on every rank.
  bool agree(const std::string& text);

 protected:
  Ranks(int rank, int size, torch::Device device) : rank_(rank), size_(size), device_(device) {}
  virtual void do_sum(torch::Tensor& tensor) = 0;
  virtual void do_gather(std::vector<torch::Tensor>& all, torch::Tensor& mine) = 0;

 private:
  int rank_, size_;
  torch::Device device_;
};

}  // namespace training
