// SPDX-License-Identifier: Apache-2.0
//
// Client speaks RFC 8555 with one authority, as coroutines over any RoundTripper. It keeps only a
// nonce, the directory, the URL of the account and the last refusal. Only one function may run at a
// time.
//
// A function that fails returns an Error whose detail is a sentence for people; refusal() has the
// authority's response.
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
  // Reports whether it responds to challenges of this type now.
  virtual bool accepts(std::string_view type) const = 0;
  // Completes when the authority may verify. `key_authorization` is that of RFC 8555 §8.1.
  virtual task<Result<void>> prepare(std::string_view type,
                                     std::string_view name,
                                     std::string_view key_authorization) = 0;
};

class Client {
 public:
  struct Options {
    std::string directory;  // its URL
    std::string email;
    std::optional<ExternalAccount> external = {};
    std::string profile = {};  // "": the authority's default
    // The time for one request, and the time for an authority to verify a challenge or to sign.
    std::chrono::nanoseconds request_timeout = std::chrono::seconds(30);
    std::chrono::nanoseconds patience = std::chrono::minutes(5);
    // The pause between two polls of an order. It doubles up to three times, unless the authority
    // sends Retry-After.
    std::chrono::nanoseconds first_look = std::chrono::seconds(1);
    std::function<WallTime()> now = &std::chrono::system_clock::now;
  };
  // The authority's reasons when the last function failed.
  struct Refusal {
    std::string type;  // the type of the problem: "rateLimited"
    std::optional<std::chrono::seconds> retry_after;
    bool is_about_challenge = false;  // the authority could not verify this machine's response
  };
  struct Wanted {
    Wanted(std::vector<std::string> all, std::string before)
        : names(std::move(all)), replaces(std::move(before)) {}

    std::vector<std::string> names;
    std::string replaces;  // renewal_id of the certificate to be renewed; "" for the first
  };
  struct Advice {
    RenewalWindow window;
    std::optional<std::chrono::seconds> retry_after;
  };

  Client(std::shared_ptr<const RoundTripper> transport, PrivateKey account, Options options);

  // Places an order, responds to the challenges, and returns a certificate for the key: the chain
  // in PEM form.
  task<Result<std::string>> obtain(const Wanted& wanted,
                                   const PrivateKey& key,
                                   ChallengeResponder& responder);
  // Returns when the certificate should be renewed, or std::nullopt if the authority does not offer
  // that.
  task<Result<std::optional<Advice>>> advice(std::string renewal_id);
  // Revokes a certificate of this account. `reason` is a code of RFC 5280 §5.3.1.
  task<Result<void>> revoke(std::string_view der, int reason);

  const Refusal& refusal() const noexcept { return refusal_; }
  // Returns the URL of the terms of service, or "" if the directory has none or was not read yet.
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
  // Logs in and places the order. If the authority has forgotten the account, creates it again.
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
