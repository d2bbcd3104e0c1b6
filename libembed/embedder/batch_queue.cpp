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

// A client that let so many passes of a lane start without a crop of its own is not waited for.
constexpr unsigned kQuietPasses = 4;

}  // namespace

std::uint8_t* BatchRequest::prepare(std::size_t count, std::size_t crop_bytes) {
  crops_.resize(count * crop_bytes);
  embeddings_.resize(count);
  count_ = count;
  taken_ = done_ = 0;
  parts_ = 0;
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
  std::uint64_t last_counted = 0;            // Number of the latest pass that the statistics have.
  std::size_t quiet = 0;                     // Passes without a crop of its own, in the pass or in line.
  std::size_t unfinished = 0;                // Requests submitted and neither finished nor withdrawn.
  std::size_t unseen = 0;                    // Requests that finished since its threads were woken.
  bool failed = false;                       // One of those did not end well.
  bool resting = true;                       // Nothing since it began, withdrew or rested: not waited for.
  std::condition_variable finished;          // A request of this client has finished or was withdrawn.
  BatchStats stats;

  /// Whether its threads are to be woken: where many requests are on their way, for several at once, as a
  /// switch of threads costs a share of a face.
  bool wake() {
    if (unseen == 0 || (unseen < unfinished && !failed)) return false;
    unseen = 0;
    failed = false;
    return true;
  }
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
  /// Crops of one request in a pass.
  struct Part {
    std::shared_ptr<Client> client;
    std::shared_ptr<BatchRequest> request;
    std::uint64_t epoch;
    std::size_t first, count;
  };

  /// A thread that runs passes. Without `apart` it is the only one.
  struct Lane {
    Pass apart;
    std::condition_variable work;
    bool idle = false;                              // Waits for `work`, and nobody has called it yet.
    Clock::time_point wakes = Clock::time_point{};  // When it would look by itself.
    // The rest is the thread's own.
    std::uint64_t pass = 0;  // Number of its pass.
    std::vector<Part> parts;
    std::vector<std::shared_ptr<Client>> waking;  // Who waits for what its pass has finished.
    std::unique_ptr<std::uint8_t[]> crops;        // [most, crop_bytes]; untouched while requests come alone.
    std::vector<Embedding> embeddings;
    std::thread thread;
  };

  Pass together;
  std::size_t crop_bytes, batch_size;
  std::size_t share = 0;  // Crops of a pass of one lane; 0: there are no passes but by all together.

  mutable std::mutex mutex;  // Guards what follows; no other lock is taken under it.
  bool stop = false;
  std::vector<std::shared_ptr<Client>> clients;
  std::size_t turn = 0;       // Whose request the next pass begins with.
  std::size_t in_line = 0;    // Crops of all clients that are in no pass yet.
  std::size_t apart = 0;      // Lanes that are in a pass of their own.
  bool all_together = false;  // One lane is in a pass by all.
  bool called = false;        // A lane was woken and has not looked yet.
  std::uint64_t passes = 0;
  std::vector<std::unique_ptr<Lane>> lanes;

  Impl(Pass pass, std::size_t bytes, std::size_t most, std::vector<Pass> beside)
      : together(std::move(pass)), crop_bytes(bytes), batch_size(most) {
    if (most == 0 || bytes == 0)
      throw Error(ErrorCode::InvalidArgument, "batch queue: sizes above 0 expected");
    // A batch that leaves a lane without a crop is quicker done together.
    if (beside.size() < 2 || batch_size < beside.size()) beside.assign(1, nullptr);
    if (beside.size() > 1) share = (batch_size + beside.size() - 1) / beside.size();
    try {
      for (Pass& lanes_pass : beside) {
        lanes.push_back(std::make_unique<Lane>());
        lanes.back()->apart = std::move(lanes_pass);
        lanes.back()->crops.reset(new std::uint8_t[most * bytes]);
        lanes.back()->embeddings.resize(most);
        // As many requests as crops at most: no pass takes memory.
        lanes.back()->parts.reserve(most);
        lanes.back()->waking.reserve(most);
      }
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::OutOfMemory, "batch-size: no memory for a batch of " + std::to_string(most));
    }
  }

  std::size_t quiet_passes() const noexcept { return kQuietPasses * lanes.size(); }
  Clock::time_point start_time() const;
  void call_lane();
  void gather(Lane& lane, std::size_t most);
  void take(Lane& lane, const std::shared_ptr<Client>& client, std::size_t most, std::size_t& room);
  std::exception_ptr run_parts(Lane& lane, const Pass& pass);
  void deliver(Lane& lane, const std::exception_ptr& error, std::chrono::nanoseconds duration);
  void remove_line(Client& client);
  void loop(Lane& lane);
  void end();
};

/// When the next pass may start: never, while nothing is in line or all are busy together.
Clock::time_point BatchQueue::Impl::start_time() const {
  if (in_line == 0 || all_together) return Clock::time_point::max();
  if (in_line >= (apart > 0 ? share : batch_size)) return Clock::time_point::min();
  bool all_added = true;
  auto deadline = Clock::time_point::max();
  for (const auto& client : clients) {
    if (client->head) {
      deadline = std::min(deadline, client->head->submitted_ + client->timeout);
    } else if (!client->resting && client->quiet < quiet_passes()) {
      all_added = false;
    }
  }
  return all_added ? Clock::time_point::min() : deadline;
}

/// Wakes an idle lane where there is something to do before it would look by itself. One at a time: it calls
/// the next one when there is more than it takes.
void BatchQueue::Impl::call_lane() {
  if (called) return;
  Lane* idle = nullptr;
  auto looks = Clock::time_point::max();
  for (const auto& lane : lanes) {
    if (!lane->idle) continue;
    if (idle == nullptr) idle = lane.get();
    looks = std::min(looks, lane->wakes);
  }
  if (idle == nullptr || start_time() >= looks) return;
  called = true;
  idle->idle = false;
  idle->work.notify_one();
}

void BatchQueue::Impl::take(Lane& lane, const std::shared_ptr<Client>& client, std::size_t most,
                            std::size_t& room) {
  const std::shared_ptr<BatchRequest> request = client->head;
  const std::size_t count = std::min(room, request->count_ - request->taken_);
  lane.parts.push_back({client, request, request->epoch_, request->taken_, count});
  ++request->parts_;
  request->taken_ += count;
  room -= count;
  in_line -= count;
  client->stats.faces += count;
  client->stats.wait_time += (Clock::now() - request->submitted_) * static_cast<std::int64_t>(count);
  client->last_pass = lane.pass;
  const std::size_t left = request->count_ - request->taken_;
  if (left == 0) client->drop_head();
  // What a full pass cut off comes first in the next one, unless it would fill that as well.
  if (left == 0 || left >= most) ++turn;
}

/// Fills the lane's parts. A crop is in line.
void BatchQueue::Impl::gather(Lane& lane, std::size_t most) {
  lane.pass = ++passes;
  lane.parts.clear();
  for (std::size_t room = most; room > 0 && in_line > 0;) {
    turn %= clients.size();
    const std::shared_ptr<Client> client = clients[turn];
    if (client->head) {
      take(lane, client, most, room);
    } else {
      ++turn;
    }
  }
  for (const auto& client : clients) {
    const bool here = client->last_pass == lane.pass || client->head;
    client->quiet = here ? 0 : std::min(client->quiet + 1, quiet_passes());
  }
}

/// The pass over the lane's parts, without the mutex: the queue has these requests.
std::exception_ptr BatchQueue::Impl::run_parts(Lane& lane, const Pass& pass) {
  const std::vector<Part>& parts = lane.parts;
  try {
    if (parts.size() == 1) {
      BatchRequest& only = *parts[0].request;
      pass(only.crops_.data() + parts[0].first * crop_bytes, parts[0].count,
           only.embeddings_.data() + parts[0].first);
      return nullptr;
    }
    std::size_t count = 0;
    for (const Part& part : parts) {
      std::memcpy(lane.crops.get() + count * crop_bytes,
                  part.request->crops_.data() + part.first * crop_bytes, part.count * crop_bytes);
      count += part.count;
    }
    pass(lane.crops.get(), count, lane.embeddings.data());
    const Embedding* from = lane.embeddings.data();
    for (const Part& part : parts) {
      std::copy_n(from, part.count, part.request->embeddings_.data() + part.first);
      from += part.count;
    }
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

void BatchQueue::Impl::deliver(Lane& lane, const std::exception_ptr& error,
                               std::chrono::nanoseconds duration) {
  std::size_t count = 0;
  for (const Part& part : lane.parts) count += part.count;
  for (const Part& part : lane.parts) {
    BatchRequest& request = *part.request;
    Client& client = *part.client;
    if (client.last_counted != lane.pass) {
      client.last_counted = lane.pass;
      ++client.stats.passes;
      client.stats.faces_in_passes += count;
      client.stats.pass_time += duration;
    }
    --request.parts_;
    request.done_ += part.count;
    if (part.epoch != client.epoch) continue;  // Withdrawn: nobody waits, and nothing of it is in line.
    if (error && !request.error_) {
      request.error_ = error;
      in_line -= request.count_ - request.taken_;
      if (client.head == part.request) client.drop_head();
    }
    // One that failed is finished when no other lane writes to it any more.
    request.finished_ = request.error_ ? request.parts_ == 0 : request.done_ == request.count_;
    if (!request.finished_) continue;
    --client.unfinished;
    ++client.unseen;
    client.failed |= request.error_ != nullptr;
  }
  for (const Part& part : lane.parts) {
    if (part.client->wake()) lane.waking.push_back(part.client);
  }
  lane.parts.clear();
}

/// Takes the requests of a client out of line.
void BatchQueue::Impl::remove_line(Client& client) {
  while (client.head) {
    in_line -= client.head->count_ - client.head->taken_;
    client.drop_head();
  }
}

void BatchQueue::Impl::loop(Lane& lane) {
  pthread_setname_np(pthread_self(), "embed-batch");
  std::unique_lock<std::mutex> lock(mutex);
  while (!stop) {
    const Clock::time_point start = start_time();
    if (start > Clock::now()) {
      lane.idle = true;
      lane.wakes = start;
      if (start == Clock::time_point::max()) {
        lane.work.wait(lock);
      } else {
        lane.work.wait_until(lock, start);
      }
      if (!lane.idle) called = false;
      lane.idle = false;
      continue;
    }
    // A whole batch is done faster by lanes that never wait for each other; fewer faces are there sooner when
    // all work on them together.
    const bool by_itself = share > 0 && (apart > 0 || in_line >= batch_size);
    gather(lane, by_itself ? share : batch_size);
    by_itself ? void(++apart) : void(all_together = true);
    call_lane();
    lock.unlock();
    const auto begun = Clock::now();
    const std::exception_ptr error = run_parts(lane, by_itself ? lane.apart : together);
    const auto duration = Clock::now() - begun;
    lock.lock();
    by_itself ? void(--apart) : void(all_together = false);
    deliver(lane, error, duration);
    lock.unlock();  // Else whom it wakes goes back to sleep for the mutex.
    for (const auto& client : lane.waking) client->finished.notify_all();
    lane.waking.clear();
    lock.lock();
  }
}

void BatchQueue::Impl::end() {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    stop = true;
    for (const auto& lane : lanes) lane->work.notify_one();
  }
  for (const auto& lane : lanes) {
    if (lane->thread.joinable()) lane->thread.join();
  }
}

BatchQueue::BatchQueue(Pass pass, std::size_t crop_bytes, std::size_t batch_size, std::vector<Pass> apart)
    : impl_(std::make_unique<Impl>(std::move(pass), crop_bytes, batch_size, std::move(apart))) {
  try {
    for (const auto& lane : impl_->lanes) {
      lane->thread = std::thread([this, &lane = *lane] { impl_->loop(lane); });
    }
  } catch (const std::system_error& error) {
    impl_->end();
    throw Error(ErrorCode::OutOfMemory,
                std::string("batch queue: its thread cannot be started: ") + error.what());
  }
}

BatchQueue::~BatchQueue() {
  impl_->end();
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
  queue.call_lane();  // This client is not waited for any more.
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
  client_->resting = false;
  ++client_->unfinished;
  queue.in_line += request->count_;
  queue.call_lane();
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
  client_->unfinished = client_->unseen = 0;
  client_->resting = true;
  client_->finished.notify_all();
  queue.call_lane();
}

void BatchClient::rest() noexcept {
  BatchQueue::Impl& queue = *queue_->impl_;
  const std::lock_guard<std::mutex> lock(queue.mutex);
  client_->resting = true;
  queue.call_lane();
}

BatchStats BatchClient::stats() const {
  const std::lock_guard<std::mutex> lock(queue_->impl_->mutex);
  return client_->stats;
}

}  // namespace embed
