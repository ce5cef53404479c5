// SPDX-License-Identifier: Apache-2.0
//
// RequestBody: the content of a request as its handler sees it, for every version of HTTP. It may
// outlive the exchange it comes from (a handler can keep it): it is then an aborted body. Its
// reader waits for the body, never for the connection, so the connection may end during a read. One
// reader at a time. Thread: owner.
#pragma once

#include "base/check.hpp"
#include "base/held_memory.hpp"
#include "base/poll.hpp"
#include "http/polled_body_source.hpp"
#include "io/event.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace onehop::server {

class RequestBody;

// The content of a request in progress, and the hand-over of it: lend() makes the body that the
// handler gets, which comes back when the handler drops it or the exchange ends.
class RequestContent {
 public:
  RequestContent() = default;
  RequestContent(const RequestContent&) = delete;
  RequestContent& operator=(const RequestContent&) = delete;

  // A handler, or what it made of its request, may still read.
  bool is_lent() const noexcept { return body_ != nullptr; }
  // Reads fail from now on, also one that waits. The derived class calls it before it ends.
  void take_back() noexcept;

  // --- for the body ---
  // See PolledBodySource.
  virtual Poll<bytes> read_body(std::size_t max) = 0;
  // The reader waits: wake_reader() is due once read_body() is worth a call.
  virtual void begin_body_wait() = 0;
  // It waits no longer: it was woken, or was destroyed.
  virtual void end_body_wait() noexcept = 0;
  virtual bool body_at_end() const noexcept = 0;
  virtual const Headers& body_trailers() const noexcept = 0;
  // The handler has dropped the body: no one reads the rest.
  void body_dropped() noexcept {
    body_ = nullptr;
    on_body_dropped();
  }

 protected:
  ~RequestContent() { ONEHOP_DCHECK(!is_lent()); }

  // Once. `length`: of the content, if that is known.
  std::unique_ptr<RequestBody> lend(io::Reactor& reactor, std::optional<std::uint64_t> length);
  // There is something to read, or an error to find. Does nothing if it is not lent.
  void wake_reader() noexcept;

 private:
  virtual void on_body_dropped() noexcept = 0;

  RequestBody* body_ = nullptr;  // owned by the holder of the request; null when it is gone
};

class RequestBody final : public PolledBodySource, public detail::InFramePool {
 public:
  RequestBody(io::Reactor& reactor,
              RequestContent& content,
              std::optional<std::uint64_t> length) noexcept
      : content_(&content), changed_(reactor), length_(length) {}
  ~RequestBody() override;

  task<Result<bytes>> read() override;
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override;
  Poll<bytes> try_read(std::size_t max) override;
  task<void> wait() override;
  bool at_end() const noexcept override;

 private:
  friend class RequestContent;
  class Wait;
  void wake() noexcept { changed_.set(); }
  // The exchange is over. Reads fail from now on, but for one of the end if only that is left.
  void detach() noexcept;

  RequestContent* content_;
  io::Event changed_;
  std::optional<std::uint64_t> length_;
  HeldString piece_;    // what read() returned last
  bool ended_ = false;  // when it was detached, all of it had been read
  bool is_waited_for_ = false;
  bool read_twice_ = false;
};

}  // namespace onehop::server
