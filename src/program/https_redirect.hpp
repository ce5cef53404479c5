// SPDX-License-Identifier: Apache-2.0
//
// HttpsRedirect: sends whoever comes in clear to the same place with TLS (308, so that the method
// stays), and passes on what came with TLS. Immutable; any thread.
#pragma once

#include <onehop/handler.hpp>

#include <cstdint>
#include <memory>

namespace onehop::program {

class HttpsRedirect final : public Handler {
 public:
  // `port`: where this program listens with TLS.
  HttpsRedirect(std::shared_ptr<const Handler> secure, std::uint16_t port)
      : secure_(std::move(secure)), port_(port) {}
  task<Response> serve(Request request) const override;

 private:
  std::shared_ptr<const Handler> secure_;
  std::uint16_t port_;
};

}  // namespace onehop::program
