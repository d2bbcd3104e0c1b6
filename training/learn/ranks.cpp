// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/ranks.h"

#if defined(USE_C10D_GLOO) || defined(USE_C10D_NCCL)
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <torch/utils.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "embed/error.h"
#include "embed/safetensors.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

/// `fallback` −1: the variable must be there.
int number(const char* name, int low, int high, int fallback = -1) {
  const char* text = variable(name);
  if (text == nullptr && fallback >= 0) return fallback;
  int value = -1;
  const char* end = text == nullptr ? nullptr : text + std::strlen(text);
  if (text == nullptr || std::from_chars(text, end, value).ptr != end || value < low || value > high) {
    throw Error(ErrorCode::InvalidArgument, std::string("the environment variable ") + name +
                                                ": a number from " + std::to_string(low) + " to " +
                                                std::to_string(high) + " expected, not '" +
                                                (text == nullptr ? "" : text) + "'; torchrun sets it");
  }
  return value;
}

#if defined(USE_C10D_GLOO) || defined(USE_C10D_NCCL)

constexpr std::chrono::minutes kTimeout(10);

template <typename Call>
void guarded(Call call) {
  try {
    call();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::Device,
                std::string("training over several processes: ") + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw Error(ErrorCode::Device, std::string("training over several processes: ") + error.what());
  }
}

template <typename Group>
class GroupRanks : public Ranks {
 public:
  GroupRanks(c10::intrusive_ptr<Group> group, int rank, int size, torch::Device device)
      : Ranks(rank, size, device), group_(std::move(group)) {}

 protected:
  void do_sum(torch::Tensor& tensor) override {
    guarded([&] {
      std::vector<torch::Tensor> tensors = {tensor};
      group_->allreduce(tensors, c10d::AllreduceOptions())->wait();
    });
  }
  void do_gather(std::vector<torch::Tensor>& all, torch::Tensor& mine) override {
    guarded([&] {
      std::vector<std::vector<torch::Tensor>> outputs = {all};
      std::vector<torch::Tensor> inputs = {mine};
      group_->allgather(outputs, inputs, c10d::AllgatherOptions())->wait();
    });
  }

 private:
  c10::intrusive_ptr<Group> group_;
};

/// LibTorch from 2.4 on keeps its store with libuv by default, which Debian's is built without; the plain one
/// is there in all. Before that there was no choice, and no such field.
template <typename Options>
auto keep_plainly(Options& options, int) -> decltype(static_cast<void>(options.useLibUV)) {
  options.useLibUV = false;
}
template <typename Options>
void keep_plainly(Options& options, long) {}

/// Rank 0 keeps the store. torchrun's agent has one of its own at MASTER_PORT, but speaks to its own version
/// of LibTorch only: the next port is ours.
c10::intrusive_ptr<c10d::Store> meet(int rank, int size, const std::string& address, int port) {
  c10d::TCPStoreOptions options;
  options.port =
      static_cast<std::uint16_t>(variable("TORCHELASTIC_USE_AGENT_STORE") == nullptr ? port : port + 1);
  options.isServer = rank == 0;
  options.numWorkers = static_cast<std::size_t>(size);
  options.timeout = kTimeout;
  keep_plainly(options, 0);
  return c10::make_intrusive<c10d::TCPStore>(address, options);
}

#endif

#ifdef USE_C10D_GLOO
c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                                int size, const std::string& address) {
  auto options = c10d::ProcessGroupGloo::Options::create(kTimeout);
  const char* interface = variable("GLOO_SOCKET_IFNAME");
  if (interface != nullptr) {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(interface));
  } else if (address == "localhost" || address == "127.0.0.1") {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  } else {
    options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  }
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
}
#endif

}  // namespace

int Ranks::world_size() {
  return number("WORLD_SIZE", 1, 65536, 1);
}

int Ranks::local_rank() {
  return number("LOCAL_RANK", 0, 65535, 0);
}

int Ranks::local_size() {
  return number("LOCAL_WORLD_SIZE", 1, 65536, world_size());
}

std::unique_ptr<Ranks> Ranks::from_environment(torch::Device device) {
  const int size = world_size();
  if (size == 1) return nullptr;
  const int rank = number("RANK", 0, size - 1);
  const int port = number("MASTER_PORT", 1, 65534);
  const char* address = variable("MASTER_ADDR");
  if (address == nullptr) {
    throw Error(ErrorCode::InvalidArgument,
                "the environment variable MASTER_ADDR: the host of rank 0 expected; torchrun sets it");
  }
  std::unique_ptr<Ranks> ranks;
#ifdef USE_C10D_GLOO
  if (device.is_cpu()) {
    guarded([&] {
      ranks = std::make_unique<GroupRanks<c10d::ProcessGroupGloo>>(
          gloo(meet(rank, size, address, port), rank, size, address), rank, size, device);
    });
  }
#endif
#ifdef USE_C10D_NCCL
  if (device.is_cuda()) {
    guarded([&] {
      auto options = c10d::ProcessGroupNCCL::Options::create();
      options->timeout = kTimeout;
      ranks = std::make_unique<GroupRanks<c10d::ProcessGroupNCCL>>(
          c10::make_intrusive<c10d::ProcessGroupNCCL>(meet(rank, size, address, port), rank, size, options),
          rank, size, device);
    });
  }
#endif
  if (ranks == nullptr) {
    throw Error(ErrorCode::Device,
                std::string("WORLD_SIZE asks for several processes, but this build has no ") +
                    (device.is_cpu() ? "Gloo (libgloo-dev was not there)" : "NCCL"));
  }
  return ranks;
}

void Ranks::sum(torch::Tensor& tensor) {
  do_sum(tensor);
}

torch::Tensor Ranks::gather(const torch::Tensor& rows, const std::vector<std::int64_t>& counts) {
  // All ranks must bring the same shape: shorter ones are filled up.
  const std::int64_t most = *std::max_element(counts.begin(), counts.end());
  std::vector<std::int64_t> shape = rows.sizes().vec();
  shape[0] = most;
  torch::Tensor mine = torch::zeros(shape, rows.options().requires_grad(false));
  mine.narrow(0, 0, rows.size(0)).copy_(rows.detach());
  std::vector<torch::Tensor> all;
  for (int i = 0; i < size_; ++i) all.push_back(torch::empty_like(mine));
  do_gather(all, mine);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = all[i].narrow(0, 0, counts[i]);
  return torch::cat(all);
}

void Ranks::share(std::vector<double>& numbers) {
  torch::Tensor tensor = torch::zeros({static_cast<std::int64_t>(numbers.size())}, torch::kFloat64);
  if (rank_ == 0) std::copy(numbers.begin(), numbers.end(), tensor.data_ptr<double>());
  tensor = tensor.to(device_);
  do_sum(tensor);
  tensor = tensor.to(torch::kCPU);
  std::copy(tensor.data_ptr<double>(), tensor.data_ptr<double>() + numbers.size(), numbers.begin());
}

void Ranks::share(torch::Tensor& tensor) {
  const torch::NoGradGuard no_grad;
  torch::Tensor copy = rank_ == 0 ? tensor.detach().to(device_).clone(torch::MemoryFormat::Contiguous)
                                  : torch::zeros(tensor.sizes(), tensor.options().device(device_));
  do_sum(copy);
  tensor.copy_(copy);
}

bool Ranks::agree(const std::string& text) {
  const std::string digest = embed::sha256_hex(text.data(), text.size());
  const std::vector<double> mine(digest.begin(), digest.end());
  std::vector<double> first = mine;
  share(first);
  torch::Tensor others = torch::full({1}, first == mine ? 0.0F : 1.0F).to(device_);
  do_sum(others);
  return others.item<float>() == 0;
}

}  // namespace training
