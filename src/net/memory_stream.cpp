// SPDX-License-Identifier: Apache-2.0
#include "net/memory_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace onehop::net {

// One direction. The pointer to a destroyed end is null.
struct MemoryStream::Pipe {
  explicit Pipe(std::size_t c) : capacity(c) {}

  std::size_t capacity;
  std::string data;
  bool is_ended = false;  // the writer closed its half
  bool is_reset = false;
  MemoryStream* reader = nullptr;
  MemoryStream* writer = nullptr;
};

MemoryStream::MemoryStream(io::Reactor& reactor,
                           std::shared_ptr<Pipe> in,
                           std::shared_ptr<Pipe> out) noexcept
    : Stream(reactor), in_(std::move(in)), out_(std::move(out)) {
  in_->reader = this;
  out_->writer = this;
}

MemoryStream::~MemoryStream() {
  const bool resets = aborted_ || !in_->data.empty();
  in_->reader = nullptr;
  out_->writer = nullptr;
  out_->is_ended = true;
  if (resets) in_->is_reset = out_->is_reset = true;
  // Both pipes have the same peer.
  MemoryStream* peer = out_->reader;
  if (!peer) return;
  peer->on_hangup(resets ? Ending::failed : Ending::half_closed);
  peer->wake_reader();
  peer->wake_writer();
}

IoResult MemoryStream::try_read(char* data, std::size_t size) {
  Pipe& pipe = *in_;
  if (pipe.data.empty()) {
    if (pipe.is_reset) return IoResult::failed(ECONNRESET);
    return pipe.is_ended ? IoResult(0) : IoResult::must_wait();
  }
  const std::size_t count = std::min({size, max_read_, pipe.data.size()});
  const bool was_full = pipe.data.size() >= pipe.capacity;
  pipe.data.copy(data, count);
  pipe.data.erase(0, count);
  if (was_full && count > 0 && pipe.writer) pipe.writer->wake_writer();
  return count;
}

IoResult MemoryStream::try_write(const iovec* parts, int count) {
  Pipe& pipe = *out_;
  if (pipe.is_ended || pipe.is_reset || !pipe.reader) return IoResult::failed(EPIPE);
  std::size_t wanted = 0;
  for (int i = 0; i < count; ++i)
    wanted += parts[i].iov_len;
  const std::size_t room = std::min(max_write_, pipe.capacity - pipe.data.size());
  if (wanted > 0 && room == 0) return IoResult::must_wait();
  std::size_t taken = 0;
  for (int i = 0; i < count && taken < room; ++i) {
    const std::size_t size = std::min(parts[i].iov_len, room - taken);
    pipe.data.append(static_cast<const char*>(parts[i].iov_base), size);
    taken += size;
  }
  count_bytes_out(taken);
  if (taken > 0) pipe.reader->wake_reader();
  return taken;
}

void MemoryStream::close_write() noexcept {
  if (std::exchange(out_->is_ended, true) || !out_->reader) return;
  out_->reader->on_hangup(Ending::half_closed);
  out_->reader->wake_reader();
}

bool MemoryStream::is_readable() const noexcept {
  return !in_->data.empty() || in_->is_ended || in_->is_reset;
}

bool MemoryStream::is_writable() const noexcept {
  return out_->data.size() < out_->capacity || out_->is_ended || !out_->reader;
}

std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_memory_pair(
    io::Reactor& reactor, std::size_t capacity) {
  auto forth = std::make_shared<MemoryStream::Pipe>(capacity);
  auto back = std::make_shared<MemoryStream::Pipe>(capacity);
  // The constructor is private.
  std::unique_ptr<MemoryStream> left(new MemoryStream(reactor, back, forth));
  std::unique_ptr<MemoryStream> right(new MemoryStream(reactor, forth, back));
  return {std::move(left), std::move(right)};
}

}  // namespace onehop::net
