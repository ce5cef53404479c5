// SPDX-License-Identifier: Apache-2.0
//
// RequestBody: the content of a request as its handler sees it, whatever version of HTTP it came
// by. It may outlive the exchange it comes from (a handler can keep it): it is then an aborted
// body. One thread.
#pragma once

#include "http/polled_body_source.hpp"

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
  virtual task<void> wait_for_body() = 0;
  virtual bool body_at_end() const noexcept = 0;
  virtual const Headers& body_trailers() const noexcept = 0;
  // Nobody will read any more.
  virtual void body_dropped() noexcept = 0;

 protected:
  ~RequestContent() = default;
};

class RequestBody final : public PolledBodySource, public detail::InFramePool {
 public:
  RequestBody(RequestContent& content, std::optional<std::uint64_t> length) noexcept
      : content_(&content), length_(length) {}
  ~RequestBody() override;

  task<Result<bytes>> read() override;
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override;
  std::optional<Result<bytes>> try_read(std::size_t most) override;
  task<void> wait() override;
  bool at_end() const noexcept override;

  // The exchange is over; later reads fail.
  void detach() noexcept { content_ = nullptr; }

 private:
  RequestContent* content_;
  std::optional<std::uint64_t> length_;
};

}  // namespace onehop::server
