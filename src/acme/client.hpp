// SPDX-License-Identifier: Apache-2.0
//
// Client speaks to one authority by RFC 8555, as coroutines over any RoundTripper. It has no state
// but a nonce and the URL of the account, and does one thing at a time.
//
// A failed function returns an Error whose detail is a sentence for people; refusal() has what the
// authority said about it.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/task.hpp>

#include "acme/jws.hpp"
#include "acme/messages.hpp"
#include "acme/private_key.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::acme {

// Prepares the responses to challenges.
class ChallengeResponder {
 public:
  virtual ~ChallengeResponder() = default;
  // Returns whether it responds to challenges of this type now.
  virtual bool accepts(std::string_view type) const = 0;
  // Completes when the authority may look. `key_authorization`: RFC 8555 §8.1.
  virtual task<Result<void>> prepare(std::string_view type,
                                     std::string_view name,
                                     std::string_view key_authorization) = 0;
};

class Client {
 public:
  struct Options {
    std::string directory;  // the URL
    std::string email;
    std::optional<ExternalAccount> external = {};
    std::string profile = {};  // "": the authority's default
    // For one request, and for an authority to look at a challenge or to sign.
    std::chrono::nanoseconds request_timeout = std::chrono::seconds(30);
    std::chrono::nanoseconds patience = std::chrono::minutes(5);
    // Between two looks at an order; doubled up to eight times, unless the authority says when.
    std::chrono::nanoseconds first_look = std::chrono::seconds(1);
    std::function<WallTime()> now = &std::chrono::system_clock::now;
  };
  // The authority's words when the last function failed.
  struct Refusal {
    std::string type;  // of the problem: "rateLimited"
    std::optional<std::chrono::seconds> retry_after;
    bool is_about_challenge = false;  // it could not reach this machine, or found something else
  };
  struct Wanted {
    Wanted(std::vector<std::string> all, std::string before)
        : names(std::move(all)), replaces(std::move(before)) {}

    std::vector<std::string> names;
    std::string replaces;  // the renewal_id of the certificate that is renewed; "" for the first
  };
  struct Advice {
    RenewalWindow window;
    std::optional<std::chrono::seconds> retry_after;
  };

  Client(std::shared_ptr<const RoundTripper> transport, PrivateKey account, Options options);

  // Orders, responds to the challenges and gets a certificate for the key: the chain in PEM form.
  task<Result<std::string>> obtain(const Wanted& wanted,
                                   const PrivateKey& key,
                                   ChallengeResponder& responder);
  // Asks when a certificate should be renewed; std::nullopt if the authority does not say.
  task<Result<std::optional<Advice>>> advice(std::string renewal_id);
  // Revokes a certificate of this account. `reason`: RFC 5280 §5.3.1.
  task<Result<void>> revoke(std::string_view der, int reason);

  const Refusal& refusal() const noexcept { return refusal_; }
  // Of the directory; "" before it was read, or if there are none.
  const std::string& terms() const noexcept { return directory_.terms; }

 private:
  struct Reply;

  task<Result<void>> open();
  task<Result<void>> read_directory();
  task<Result<void>> log_in();
  task<Result<Reply>> find_account();
  std::string account_request() const;
  std::string why_no_profile() const;
  task<Result<void>> fetch_nonce();
  task<Result<Reply>> send(Request request);
  task<Result<Reply>> post(std::string url, std::string payload);
  task<Result<Reply>> post_once(std::string url, std::string payload);
  task<Result<Reply>> place_order(const Wanted& wanted);
  // The same; if the authority has forgotten the account, it is made again.
  task<Result<Reply>> place_order_logged_in(const Wanted& wanted);
  task<Result<void>> authorize(std::string url,
                               const Wanted& wanted,
                               ChallengeResponder& responder);
  task<Result<void>> await_authorization(std::string url, std::string name);
  task<Result<Order>> await_order(std::string url, OrderStatus wanted);
  task<void> wait(unsigned look, std::optional<std::chrono::seconds> retry_after);
  std::unexpected<Error> refused(const Reply& reply, std::string_view what);
  std::unexpected<Error> failed(std::string what) const;
  std::unexpected<Error> failed_challenge(const Authorization& authorization);
  void keep_nonce(const Response& response);

  const std::shared_ptr<const RoundTripper> transport_;
  const PrivateKey account_;
  const Options options_;
  Directory directory_;
  std::string account_url_;
  std::string nonce_;
  Refusal refusal_;
};

}  // namespace onehop::acme
