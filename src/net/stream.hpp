// SPDX-License-Identifier: Apache-2.0
//
// Stream is a reliable, ordered pair of byte streams (TCP, unix socket, memory). Its operations
// never block and need no coroutine frame: the caller tries, and if a wait is due, awaits
// readable() or writable(). At most one reader and one writer wait at a time. Each of these two
// places has one owner, which others call, so that two coroutines never wait for the same event.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/tls.hpp>

#include "io/file_descriptor.hpp"
#include "io/reactor.hpp"
#include "net/io_result.hpp"

#include <coroutine>
#include <cstdint>
#include <memory>

#include <sys/uio.h>

namespace onehop::net {

using io::Duration;
using io::Time;
using io::Wait;

class Stream {
 public:
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream();  // closes both directions; if data is unread, a TCP peer sees a reset

  // Reads at most `size` bytes. A result without bytes is the peer's half-close, a wait that is
  // due, or a failure.
  virtual IoResult try_read(char* data, std::size_t size) = 0;
  // Returns the number of bytes accepted. If it is less than offered, the caller must wait before
  // it writes the rest; if none are accepted, the result is a wait that is due or a failure. The
  // next write must begin with the bytes that were not accepted: they may be in flight.
  virtual IoResult try_write(const iovec* parts, int count) = 0;
  IoResult try_write(const char* data, std::size_t size) {
    const iovec part{const_cast<char*>(data), size};  // NOLINT: iovec is not const-correct
    return try_write(&part, 1);
  }
  // Returns the number of bytes passed to the layer below since the stream was made, counted as
  // they are sent (for TLS, encrypted). While it does not change, no byte has left, whatever
  // try_write() returned.
  std::uint64_t bytes_out() const noexcept { return bytes_out_; }
  // Half-closes: the peer reads an end.
  virtual void close_write() noexcept = 0;
  // Makes the destruction appear as a failure to the peer (TCP: RST).
  virtual void abort() noexcept = 0;
  // Returns the socket if its bytes are exactly this stream's bytes, or -1.
  virtual int plain_descriptor() const noexcept { return -1; }
  // Removes the socket from this thread's epoll and transfers it to the caller. No coroutine may be
  // waiting for the stream, and the stream must not be used afterwards.
  virtual io::FileDescriptor release() noexcept { return {}; }
  // Reports whether bytes or an end may be waiting to be read. Asks the kernel if unsure.
  virtual bool has_unread() = 0;

  // Like has_unread(), but asks the kernel even if no event has arrived.
  virtual bool has_unread_now() { return has_unread(); }
  // Indicates that more input is expected: the next read is tried even if the last one emptied the
  // stream.
  virtual void hint_more_input() noexcept {}
  // Returns the number of bytes written that the peer has not acknowledged, or 0 if unknown.
  virtual std::size_t unacknowledged() const noexcept { return 0; }
  // Converts the errno of a read or write to an Error.
  virtual Error error_of(int errno_value, Side side) const {
    return Error::system(errno_value, side);
  }
  // Returns null for a stream without TLS.
  virtual const TlsInfo* tls() const noexcept { return nullptr; }

  // How the connection has ended, according to events and not to reads.
  enum class Ending : std::uint8_t {
    none,
    half_closed,  // by the peer
    closed,       // both directions, in order: the last data of the peer may still be read
    failed,       // by a reset or another failure
  };
  Ending ending() const noexcept { return ending_; }
  bool is_hung_up() const noexcept { return ending_ >= Ending::half_closed; }
  // Reports whether nothing can be sent any more.
  bool is_broken() const noexcept { return ending_ >= Ending::closed; }
  bool has_failed() const noexcept { return ending_ == Ending::failed; }
  enum class Hangup : std::uint8_t { any, broken, failed };
  // Schedules `wakeup` once when a hang-up happens, or immediately if one has happened. Null ends
  // the watch, at the latest before the wakeup is destroyed.
  void watch_hangup(io::Wakeup* wakeup, Hangup kind = Hangup::any) noexcept;
  // If the peer has hung up, schedules the watcher even if it waits for another kind.
  void recheck_hangup() noexcept {
    if (is_hung_up()) wake(hangup_, Wait::ready);
  }
  // For an idle stream: schedules `wakeup` once when bytes or an end arrive. Null ends the watch.
  // Uses the reader's place.
  void watch_readable(io::Wakeup* wakeup) noexcept;

  // For a stream built on this one: may_read() (may_write()) reports whether a try_read (try_write)
  // may succeed, and the wakeup is scheduled once when it may. Uses the place of the reader
  // (writer). The caller must be destroyed after this stream.
  bool may_read() const noexcept { return is_readable(); }
  bool may_write() const noexcept { return is_writable(); }
  void call_when_readable(io::Wakeup& wakeup) noexcept;
  void call_when_writable(io::Wakeup& wakeup) noexcept;

  // co_await completes once is_broken(). No other caller may use watch_hangup() meanwhile.
  class BreakAwaiter;
  BreakAwaiter until_broken() noexcept;

  class Awaiter;
  // Return an awaiter of a Wait. ready: try_read (try_write) may succeed. timed_out: `deadline` has
  // passed, and for a reader, a final check found nothing to read. interrupted: see below.
  Awaiter readable(Time deadline) noexcept;
  Awaiter writable(Time deadline) noexcept;
  class Waiter;
  // End a wait early. Do nothing if no coroutine waits.
  void interrupt_reader() noexcept { wake(reader_, Wait::interrupted); }
  void interrupt_writer() noexcept { wake(writer_, Wait::interrupted); }

  io::Reactor& reactor() const noexcept { return reactor_; }

 protected:
  explicit Stream(io::Reactor& reactor) noexcept;

  // Called before a wait begins: the last opportunity to register with the kernel.
  virtual void prepare_wait() noexcept {}
  // Called when watch_hangup() begins. May delay the registration.
  virtual void prepare_hangup_watch() noexcept {}
  virtual bool is_readable() const noexcept = 0;
  virtual bool is_writable() const noexcept = 0;

  void wake_reader() noexcept { wake(reader_, Wait::ready); }
  void wake_writer() noexcept { wake(writer_, Wait::ready); }
  // Records an ending. An ending never goes back to an earlier one.
  void on_hangup(Ending ending) noexcept;
  void count_bytes_out(std::size_t count) noexcept { bytes_out_ += count; }
  bool has_hangup_watch() const noexcept { return hangup_ != nullptr; }
  bool has_reader() const noexcept { return reader_ != nullptr; }
  // Arms the stream's only timer for the earliest deadline in use.
  void arm_timer(Time deadline) noexcept;
  virtual void on_extra_deadline() noexcept {}
  Time extra_deadline_ = io::kNever;  // for derived classes; calls on_extra_deadline()

 private:
  friend class Awaiter;
  friend class Waiter;
  void take_place(io::Wakeup*& place, io::Wakeup& waiter) noexcept;
  void begin_wait(bool reading, Time deadline) noexcept;
  void wake(io::Wakeup*& waiter, Wait result) noexcept;
  void on_timer();
  // Asks the kernel, once per expired deadline, whether data arrived in time.
  bool is_readable_after_all();
  bool has_hung_up(Hangup kind) const noexcept {
    return kind == Hangup::any ? is_hung_up() : kind == Hangup::broken ? is_broken() : has_failed();
  }

  io::Reactor& reactor_;
  io::Wakeup* reader_ = nullptr;
  io::Wakeup* writer_ = nullptr;
  io::Wakeup* hangup_ = nullptr;
  Time read_deadline_ = io::kNever;
  Time write_deadline_ = io::kNever;
  [[no_unique_address]] io::Timer timer_;
  // In the padding of the timer: each idle connection keeps one of these.
  Hangup hangup_kind_ = Hangup::any;
  Ending ending_ = Ending::none;
  bool looked_ = false;  // is_readable_after_all() has asked the kernel since read_deadline_ passed
  std::uint64_t bytes_out_ = 0;
};

// The awaiter of readable() and writable().
class Stream::Awaiter {
 public:
  Awaiter(Stream& stream, bool reading, Time deadline) noexcept
      : stream_(stream), deadline_(deadline), reading_(reading) {}
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;
  ~Awaiter() { leave(); }

  bool await_ready() const noexcept {
    return reading_ ? stream_.is_readable() : stream_.is_writable();
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  Wait await_resume() const noexcept { return wakeup_.result(); }

 private:
  void leave() noexcept;

  Stream& stream_;
  Time deadline_;
  // Shares its padding: each idle connection keeps one of these.
  [[no_unique_address]] io::Wakeup wakeup_;
  bool reading_;
};

inline Stream::Awaiter Stream::readable(Time deadline) noexcept {
  return Awaiter(*this, true, deadline);
}
inline Stream::Awaiter Stream::writable(Time deadline) noexcept {
  return Awaiter(*this, false, deadline);
}

// The reader's or writer's place at a stream, for an owner that is called back instead of resumed.
// Coroutines that wait for such an owner may outlive the stream, but the Waiter must be destroyed
// before it.
class Stream::Waiter {
 public:
  enum class For : std::uint8_t { reading, writing };
  Waiter(Stream& stream, For what, io::Callback callback) noexcept
      : stream_(stream), wakeup_(callback), what_(what) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { cancel(); }

  // Calls back once, in this pass of the reactor or a later one, when try_read (try_write) may
  // succeed or `deadline` has passed.
  void wait(Time deadline = io::kNever) noexcept;
  // Frees the place. The callback is not called.
  void cancel() noexcept;
  bool is_waiting() const noexcept { return place() == &wakeup_ || wakeup_.is_linked(); }
  // For the callback: returns why the wait ended.
  Wait result() const noexcept { return wakeup_.result(); }

 private:
  io::Wakeup*& place() const noexcept {
    return what_ == For::reading ? stream_.reader_ : stream_.writer_;
  }

  Stream& stream_;
  io::Wakeup wakeup_;
  For what_;
};

class Stream::BreakAwaiter {
 public:
  explicit BreakAwaiter(Stream& stream) noexcept : stream_(stream) {}
  BreakAwaiter(const BreakAwaiter&) = delete;
  BreakAwaiter& operator=(const BreakAwaiter&) = delete;
  ~BreakAwaiter() {
    if (watching_) stream_.watch_hangup(nullptr);
  }

  bool await_ready() const noexcept { return stream_.is_broken(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    wakeup_.set_coroutine(handle);
    watching_ = true;
    stream_.watch_hangup(&wakeup_, Hangup::broken);
  }
  void await_resume() const noexcept {}

 private:
  Stream& stream_;
  io::Wakeup wakeup_;
  bool watching_ = false;
};

inline Stream::BreakAwaiter Stream::until_broken() noexcept {
  return BreakAwaiter(*this);
}

}  // namespace onehop::net
