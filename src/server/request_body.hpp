// SPDX-License-Identifier: Apache-2.0
//
// RequestBody: the content of a request as its handler sees it, whatever version of HTTP it came
// by. It may outlive the exchange it comes from (a handler can keep it): it is then an aborted
// body. Its reader waits for the body, never for the connection, so that the connection may end
// while someone reads. One reader at a time. One thread.
#pragma once

#include "base/held_memory.hpp"
#include "http/polled_body_source.hpp"
#include "io/event.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace onehop::server {

// What a RequestBody asks of its exchange.
class RequestContent {
 public:
  RequestContent() = default;
  RequestContent(const RequestContent&) = delete;
  RequestContent& operator=(const RequestContent&) = delete;

  // See PolledBodySource.
  virtual std::optional<Result<bytes>> read_body(std::size_t most) = 0;
  // The reader waits: RequestBody::wake() is due once read_body() is worth a call.
  virtual void begin_body_wait() = 0;
  // It waits no longer: it was woken, or has given up.
  virtual void end_body_wait() noexcept = 0;
  virtual bool body_at_end() const noexcept = 0;
  virtual const Headers& body_trailers() const noexcept = 0;
  // The body is gone; it will not be read any more.
  virtual void body_dropped() noexcept = 0;

 protected:
  ~RequestContent() = default;
};

class RequestBody final : public PolledBodySource, public detail::InFramePool {
 public:
  RequestBody(io::Reactor& reactor,
              RequestContent& content,
              std::optional<std::uint64_t> length) noexcept
      : content_(&content), news_(reactor), length_(length) {}
  ~RequestBody() override;

  task<Result<bytes>> read() override;
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override;
  std::optional<Result<bytes>> try_read(std::size_t most) override;
  task<void> wait() override;
  bool at_end() const noexcept override;

  // There is something to read, or an error to find.
  void wake() noexcept { news_.set(); }
  // The exchange is over; reads fail from now on, but for that of the end where only it is left.
  void detach() noexcept;

 private:
  class Wait;

  RequestContent* content_;
  io::Event news_;
  std::optional<std::uint64_t> length_;
  HeldString piece_;    // what read() gave last
  bool ended_ = false;  // when it was detached, all of it had been read
  bool is_waited_for_ = false;
  bool read_twice_ = false;
};

}  // namespace onehop::server
