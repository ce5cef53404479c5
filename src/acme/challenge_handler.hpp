// SPDX-License-Identifier: Apache-2.0
//
// ChallengeHandler is a Handler that responds to http-01 challenges (RFC 8555 §8.3) on connections
// without TLS, and passes every other request on. It comes before redirects and routes.
// Thread: any.
#pragma once

#include <onehop/handler.hpp>

#include "acme/challenges.hpp"

#include <memory>
#include <utility>

namespace onehop::acme {

class ChallengeHandler final : public Handler {
 public:
  ChallengeHandler(std::shared_ptr<const Challenges> challenges,
                   std::shared_ptr<const Handler> next)
      : challenges_(std::move(challenges)), next_(std::move(next)) {}
  task<Response> serve(Request request) const override;

 private:
  std::string response_to(const Request& request) const;
  static task<Response> respond(std::string response);

  std::shared_ptr<const Challenges> challenges_;
  std::shared_ptr<const Handler> next_;
};

}  // namespace onehop::acme
