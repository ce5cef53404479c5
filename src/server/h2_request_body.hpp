// SPDX-License-Identifier: Apache-2.0
//
// H2RequestBody: the content of a request of HTTP/2 as its handler sees it. It may outlive the
// exchange it comes from (a handler can keep it): it is then an aborted body. One thread.
#pragma once

#include "http/polled_body_source.hpp"

#include <cstdint>
#include <optional>

namespace onehop::server {

class H2Exchange;

class H2RequestBody final : public PolledBodySource {
 public:
  H2RequestBody(H2Exchange& exchange, std::optional<std::uint64_t> length) noexcept
      : exchange_(&exchange), length_(length) {}
  ~H2RequestBody() override;

  task<Result<bytes>> read() override;
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override;
  std::optional<Result<bytes>> try_read(std::size_t most) override;
  task<void> wait() override;
  bool at_end() const noexcept override;

  // The exchange is over; later reads fail.
  void detach() noexcept { exchange_ = nullptr; }

 private:
  H2Exchange* exchange_;
  std::optional<std::uint64_t> length_;
};

}  // namespace onehop::server
