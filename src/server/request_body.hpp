// SPDX-License-Identifier: Apache-2.0
//
// RequestBody is the content of a request as its handler sees it, for every version of HTTP. A
// handler may keep it beyond the exchange that it comes from; it is then an aborted body. Its
// reader waits for the body, never for the connection, so the connection may end during a read. At
// most one reader may wait at a time.
// Thread: owner.
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

// The content of a request in progress, and its loan to the handler: lend() makes the body that the
// handler gets. The loan ends when the handler drops the body or the exchange ends.
class RequestContent {
 public:
  RequestContent() = default;
  RequestContent(const RequestContent&) = delete;
  RequestContent& operator=(const RequestContent&) = delete;

  // Reports whether a handler, or an object that it made from its request, may still read.
  bool is_lent() const noexcept { return body_ != nullptr; }
  // Makes reads fail from now on, including one that waits. Destructors of derived classes call it.
  void take_back() noexcept;

  // --- called by the body ---
  // See PolledBodySource.
  virtual Poll<bytes> read_body(std::size_t max) = 0;
  // Called when the reader begins to wait. wake_reader() is due once read_body() can make progress.
  virtual void begin_body_wait() = 0;
  // Called when the reader no longer waits: it was woken or destroyed.
  virtual void end_body_wait() noexcept = 0;
  virtual bool body_at_end() const noexcept = 0;
  virtual const Headers& body_trailers() const noexcept = 0;
  // Called when the handler has dropped the body and will not read the rest.
  void body_dropped() noexcept {
    body_ = nullptr;
    on_body_dropped();
  }

 protected:
  ~RequestContent() { ONEHOP_DCHECK(!is_lent()); }

  // Called once. `length`: the size of the content, if it is known.
  std::unique_ptr<RequestBody> lend(io::Reactor& reactor, std::optional<std::uint64_t> length);
  // Wakes the reader to read content or an error. Does nothing if the content is not lent.
  void wake_reader() noexcept;

 private:
  virtual void on_body_dropped() noexcept = 0;

  RequestBody* body_ = nullptr;  // owned by the holder of the request; null if not lent
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
  // Called when the exchange is over. Reads fail from now on, except that a reader which has read
  // all content may still read the end.
  void detach() noexcept;

  RequestContent* content_;
  io::Event changed_;
  std::optional<std::uint64_t> length_;
  HeldString piece_;    // the piece that read() returned last
  bool ended_ = false;  // all of it had been read when it was detached
  bool is_waited_for_ = false;
  bool read_twice_ = false;
};

}  // namespace onehop::server
