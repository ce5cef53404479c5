// SPDX-License-Identifier: Apache-2.0
#include "wire/h2_link.hpp"

#include "base/check.hpp"
#include "base/held_memory.hpp"

#include <cerrno>
#include <new>

namespace onehop::wire {
namespace {

constexpr std::size_t kReadSize = 128 * 1024;
// One connection must not occupy the thread for longer than this many bytes take.
constexpr std::size_t kLinkBytesPerTurn = 1024 * 1024;

}  // namespace

H2Link::H2Link(net::Stream& stream,
               h2::Session& session,
               Side peer,
               net::Duration write_stall,
               io::Callback flushed)
    : stream_(stream),
      session_(session),
      output_(stream, peer),
      write_stall_(write_stall),
      flushed_(flushed),
      flush_(io::call<&H2Link::on_flush>(this)),
      last_read_(stream.reactor().now()) {}

H2Link::Step H2Link::read() {
  std::size_t data = 0;
  while (data < kLinkBytesPerTurn) {
    if (broken_ || session_.is_over()) return Step::over;
    const std::span<char> scratch = stream_.reactor().scratch().first(kReadSize);
    const net::IoResult got = stream_.try_read(scratch.data(), scratch.size());
    if (got.is_wait()) return Step::wait;
    if (!got.has_bytes()) {
      peer_gone_ = true;
      return Step::over;
    }
    if (!receive({scratch.data(), got.count()})) return Step::over;
    data += got.count();
  }
  return Step::yield;
}

bool H2Link::receive(std::string_view data) {
  last_read_ = stream_.reactor().now();
  const bool goes_on = session_.receive(data, last_read_);
  session_.deliver_events();
  flush_soon();
  return goes_on;
}

// Returns true if all output of the session is written, or none can be written any more.
bool H2Link::produce() {
  // Output that the peer does not accept must be kept.
  std::span<char> memory = stream_.reactor().head_scratch();
  if (memory_is_short()) memory = memory.first(h2::Session::kMinMemory);
  while (!broken_ && !output_.has_pending()) {
    const std::size_t size = session_.produce(memory);
    if (size == 0) return true;
    if (!output_.write({memory.data(), size})) {
      broken_ = true;
      stream_.interrupt_reader();
    }
  }
  return broken_;
}

void H2Link::flush_now() {
  if (writing_rest_ || produce()) return;
  writing_ = write_rest();  // if this throws, the next flush tries again
  writing_rest_ = true;
  writing_.start();
}

void H2Link::give_up() noexcept {
  broken_ = true;
  stream_.abort();
  stream_.interrupt_reader();
}

RootTask<H2Link> H2Link::write_rest() {
  ONEHOP_DCHECK(writing_rest_ && output_.has_pending());  // one writer
  bool done = false;
  while (!done) {
    auto drained = co_await output_.drain(write_stall_);
    if (!drained) {
      broken_ = true;
      if (drained.error().is_timeout()) stream_.abort();
      stream_.interrupt_reader();
      break;
    }
    done = produce();
  }
  writing_rest_ = false;
  flush_soon();
}

task<void> H2Link::drain(net::Duration patience) {
  writing_ = {};
  writing_rest_ = true;
  while (!produce()) {
    auto drained = co_await output_.drain(patience);
    if (drained) continue;
    broken_ = true;
    break;
  }
}

void H2Link::on_flush() {
  try {
    session_.deliver_events();
    flush_now();
  } catch (const std::bad_alloc&) {  // ends this connection, not the event loop
    give_up();
  }
  if (session_.has_events()) flush_soon();
  // The session's last frame is written, and the peer sends nothing that the reader could wait for.
  if (session_.is_over()) stream_.interrupt_reader();
  flushed_();
}

}  // namespace onehop::wire
