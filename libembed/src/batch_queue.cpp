// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/batch_queue.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "embed/error.h"

namespace embed {
namespace {

using Clock = std::chrono::steady_clock;

// A client that let so many passes start without a crop of its own is not waited for.
constexpr unsigned kQuietPasses = 4;

}  // namespace

std::uint8_t* BatchRequest::prepare(std::size_t count, std::size_t crop_bytes) {
  crops_.resize(count * crop_bytes);
  embeddings_.resize(count);
  count_ = count;
  taken_ = done_ = 0;
  finished_ = false;
  error_ = nullptr;
  return crops_.data();
}

/// All members are guarded by the queue's mutex.
struct BatchQueue::Client {
  std::chrono::nanoseconds timeout{};
  std::shared_ptr<BatchRequest> head, tail;  // In line, oldest first; linked by next_.
  std::uint64_t epoch = 0;                   // Grows with every withdrawal.
  std::uint64_t last_pass = 0;               // Number of the latest pass that held a crop of this client.
  unsigned quiet = kQuietPasses;             // Passes since then; a client that never submitted is quiet.
  std::condition_variable finished;          // A request of this client has finished or was withdrawn.
  BatchStats stats;

  void append(const std::shared_ptr<BatchRequest>& request) {
    (head ? tail->next_ : head) = request;
    tail = request;
  }
  void drop_head() {
    // Not assigned in one step: the head may be the last owner of what comes next.
    const std::shared_ptr<BatchRequest> first = std::move(head);
    head = std::move(first->next_);
    if (!head) tail.reset();
  }
};

struct BatchQueue::Impl {
  /// Crops of one request in the pass at hand.
  struct Part {
    std::shared_ptr<Client> client;
    std::shared_ptr<BatchRequest> request;
    std::uint64_t epoch;
    std::size_t first, count;
  };

  Pass pass;
  std::size_t crop_bytes, batch_size;

  mutable std::mutex mutex;  // Guards what follows up to the blank line; no other lock is taken under it.
  std::condition_variable work;
  bool stop = false, idle = false;
  std::vector<std::shared_ptr<Client>> clients;
  std::size_t turn = 0;     // Whose request the next pass begins with.
  std::size_t in_line = 0;  // Crops of all clients that are in no pass yet.
  std::uint64_t passes = 0;

  // The rest is the thread's own.
  std::vector<Part> parts;
  std::unique_ptr<std::uint8_t[]> crops;  // [batch_size, crop_bytes]; untouched while requests come alone.
  std::vector<Embedding> embeddings;
  std::thread thread;

  Impl(Pass run, std::size_t bytes, std::size_t most)
      : pass(std::move(run)), crop_bytes(bytes), batch_size(most) {
    if (most == 0 || bytes == 0)
      throw Error(ErrorCode::InvalidArgument, "batch queue: sizes above 0 expected");
    try {
      crops.reset(new std::uint8_t[most * bytes]);
      embeddings.resize(most);
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::OutOfMemory, "batch-size: no memory for a batch of " + std::to_string(most));
    }
  }

  Clock::time_point start_time() const;
  void gather();
  void take(const std::shared_ptr<Client>& client, std::size_t& room);
  std::exception_ptr run_parts();
  void deliver(const std::exception_ptr& error, std::chrono::nanoseconds duration);
  void remove_line(Client& client);
  void loop();
};

/// When the next pass may start, given that a crop is in line.
Clock::time_point BatchQueue::Impl::start_time() const {
  if (in_line >= batch_size) return Clock::time_point::min();
  bool all_added = true;
  auto deadline = Clock::time_point::max();
  for (const auto& client : clients) {
    if (client->head) {
      deadline = std::min(deadline, client->head->submitted_ + client->timeout);
    } else if (client->quiet < kQuietPasses) {
      all_added = false;
    }
  }
  return all_added ? Clock::time_point::min() : deadline;
}

void BatchQueue::Impl::take(const std::shared_ptr<Client>& client, std::size_t& room) {
  const std::shared_ptr<BatchRequest> request = client->head;
  const std::size_t count = std::min(room, request->count_ - request->taken_);
  parts.push_back({client, request, request->epoch_, request->taken_, count});
  request->taken_ += count;
  room -= count;
  in_line -= count;
  client->stats.faces += count;
  client->stats.wait_time += (Clock::now() - request->submitted_) * static_cast<std::int64_t>(count);
  client->last_pass = passes;
  const std::size_t left = request->count_ - request->taken_;
  if (left == 0) client->drop_head();
  // What a full pass cut off comes first in the next one, unless it would fill that as well.
  if (left == 0 || left >= batch_size) ++turn;
}

/// Fills `parts`. A crop is in line.
void BatchQueue::Impl::gather() {
  ++passes;
  parts.clear();
  for (std::size_t room = batch_size; room > 0 && in_line > 0;) {
    turn %= clients.size();
    const std::shared_ptr<Client> client = clients[turn];
    if (client->head) {
      take(client, room);
    } else {
      ++turn;
    }
  }
  for (const auto& client : clients) {
    client->quiet = client->last_pass == passes ? 0 : std::min(client->quiet + 1, kQuietPasses);
  }
}

/// The pass over `parts`, without the mutex: the queue has these requests.
std::exception_ptr BatchQueue::Impl::run_parts() {
  try {
    if (parts.size() == 1) {
      BatchRequest& only = *parts[0].request;
      pass(only.crops_.data() + parts[0].first * crop_bytes, parts[0].count,
           only.embeddings_.data() + parts[0].first);
      return nullptr;
    }
    std::size_t count = 0;
    for (const Part& part : parts) {
      std::memcpy(crops.get() + count * crop_bytes, part.request->crops_.data() + part.first * crop_bytes,
                  part.count * crop_bytes);
      count += part.count;
    }
    pass(crops.get(), count, embeddings.data());
    const Embedding* from = embeddings.data();
    for (const Part& part : parts) {
      std::copy_n(from, part.count, part.request->embeddings_.data() + part.first);
      from += part.count;
    }
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

void BatchQueue::Impl::deliver(const std::exception_ptr& error, std::chrono::nanoseconds duration) {
  std::size_t count = 0;
  for (const Part& part : parts) count += part.count;
  for (const auto& client : clients) {
    if (client->last_pass != passes) continue;
    ++client->stats.passes;
    client->stats.faces_in_passes += count;
    client->stats.pass_time += duration;
  }
  for (const Part& part : parts) {
    BatchRequest& request = *part.request;
    Client& client = *part.client;
    request.done_ += part.count;
    if (part.epoch != client.epoch) continue;  // Withdrawn: nobody waits, and nothing of it is in line.
    if (error) {
      request.error_ = error;
      in_line -= request.count_ - request.taken_;
      if (client.head == part.request) client.drop_head();
    }
    request.finished_ = error || request.done_ == request.count_;
    if (request.finished_) client.finished.notify_all();
  }
  parts.clear();
}

/// Takes the requests of a client out of line.
void BatchQueue::Impl::remove_line(Client& client) {
  while (client.head) {
    in_line -= client.head->count_ - client.head->taken_;
    client.drop_head();
  }
}

void BatchQueue::Impl::loop() {
  pthread_setname_np(pthread_self(), "embed-batch");
  std::unique_lock<std::mutex> lock(mutex);
  while (!stop) {
    const Clock::time_point start = in_line > 0 ? start_time() : Clock::time_point::max();
    if (in_line == 0 || start > Clock::now()) {
      idle = true;
      if (start == Clock::time_point::max()) {
        work.wait(lock);
      } else {
        work.wait_until(lock, start);
      }
      idle = false;
      continue;
    }
    gather();
    lock.unlock();
    const auto begun = Clock::now();
    const std::exception_ptr error = run_parts();
    const auto duration = Clock::now() - begun;
    lock.lock();
    deliver(error, duration);
  }
}

BatchQueue::BatchQueue(Pass pass, std::size_t crop_bytes, std::size_t batch_size)
    : impl_(std::make_unique<Impl>(std::move(pass), crop_bytes, batch_size)) {
  try {
    impl_->thread = std::thread([this] { impl_->loop(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::OutOfMemory,
                std::string("batch queue: its thread cannot be started: ") + error.what());
  }
}

BatchQueue::~BatchQueue() {
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->work.notify_one();
  impl_->thread.join();
}

std::size_t BatchQueue::crop_bytes() const noexcept {
  return impl_->crop_bytes;
}
std::size_t BatchQueue::batch_size() const noexcept {
  return impl_->batch_size;
}
std::size_t BatchQueue::clients() const noexcept {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->clients.size();
}

BatchClient::BatchClient(std::shared_ptr<BatchQueue> queue, std::chrono::nanoseconds timeout)
    : queue_(std::move(queue)), client_(std::make_shared<BatchQueue::Client>()) {
  client_->timeout = timeout;
  const std::lock_guard<std::mutex> lock(queue_->impl_->mutex);
  queue_->impl_->clients.push_back(client_);
}

BatchClient::~BatchClient() {
  withdraw();
  BatchQueue::Impl& queue = *queue_->impl_;
  const std::lock_guard<std::mutex> lock(queue.mutex);
  const auto place = std::find(queue.clients.begin(), queue.clients.end(), client_);
  if (static_cast<std::size_t>(place - queue.clients.begin()) < queue.turn) --queue.turn;
  queue.clients.erase(place);
  queue.work.notify_one();  // This client is not waited for any more.
}

void BatchClient::submit(const std::shared_ptr<BatchRequest>& request) {
  BatchQueue::Impl& queue = *queue_->impl_;
  if (request->count_ == 0 || request->crops_.size() != request->count_ * queue.crop_bytes) {
    throw Error(ErrorCode::InvalidArgument, "batch queue: a request of at least one crop of " +
                                                std::to_string(queue.crop_bytes) + " bytes expected");
  }
  const std::lock_guard<std::mutex> lock(queue.mutex);
  request->submitted_ = Clock::now();
  request->epoch_ = client_->epoch;
  client_->append(request);
  queue.in_line += request->count_;
  if (queue.idle) queue.work.notify_one();
}

bool BatchClient::wait(const BatchRequest& request) {
  std::unique_lock<std::mutex> lock(queue_->impl_->mutex);
  client_->finished.wait(lock, [&] { return request.finished_ || request.epoch_ != client_->epoch; });
  if (request.epoch_ != client_->epoch) return false;
  if (request.error_) std::rethrow_exception(request.error_);
  return true;
}

void BatchClient::withdraw() noexcept {
  BatchQueue::Impl& queue = *queue_->impl_;
  const std::lock_guard<std::mutex> lock(queue.mutex);
  ++client_->epoch;
  queue.remove_line(*client_);
  client_->quiet = kQuietPasses;
  client_->finished.notify_all();
  queue.work.notify_one();
}

BatchStats BatchClient::stats() const {
  const std::lock_guard<std::mutex> lock(queue_->impl_->mutex);
  return client_->stats;
}

}  // namespace embed
