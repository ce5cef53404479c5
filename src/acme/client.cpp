// SPDX-License-Identifier: Apache-2.0
#include "acme/client.hpp"

#include <onehop/library_version.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/scope.hpp>

#include "acme/base64url.hpp"
#include "acme/certificates.hpp"
#include "base/ascii.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace onehop::acme {
namespace {

using Json = nlohmann::json;

// An authority may reject any nonce; this many rejections in a row are an error.
constexpr int kMaxNonces = 100;
constexpr unsigned kMaxLookDoublings = 3;
constexpr std::size_t kMaxNonce = 512;
constexpr std::string_view kAsGet = {};

// RFC 8555 §6.5.1.
bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNonce && std::ranges::all_of(text, [](char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '_';
  });
}

// Adds to a timeout what this side was waiting for.
Error of_waiting(Error error, const char* what) {
  return error.is(Errc::timed_out) ? error.with(what) : error;
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

}  // namespace

struct Client::Reply {
  int status = 0;
  std::string content;
  std::string location;
  std::optional<std::chrono::seconds> retry_after;

  Problem problem() const { return parse_problem(content); }
};

Client::Client(std::shared_ptr<const RoundTripper> transport, PrivateKey account, Options options)
    : transport_(std::move(transport)),
      account_(std::move(account)),
      options_(std::move(options)) {}

std::unexpected<Error> Client::failed(std::string what) const {
  return failure(Errc::bad_response, Side::upstream, std::move(what));
}

std::unexpected<Error> Client::refused(const Reply& reply, std::string_view what) {
  const Problem problem = reply.problem();
  refusal_.type = problem.type;
  refusal_.retry_after = reply.retry_after;
  std::string text(what);
  text += ": the authority responded with " + std::to_string(reply.status);
  if (const std::string why = problem.to_string(); !why.empty()) text += ", " + why;
  return failed(std::move(text));
}

void Client::keep_nonce(const Response& response) {
  const std::string_view nonce = response.headers().get_or_empty("Replay-Nonce");
  nonce_ = is_nonce(nonce) ? std::string(nonce) : std::string();
}

task<Result<Client::Reply>> Client::send(Request request) {
  request.headers().set("Host", request.url().authority());
  request.headers().set("User-Agent", "onehop/" + std::string(library_version()));
  request.set_deadline(options_.request_timeout);
  const std::string where(request.url().authority());
  auto response = co_await transport_->round_trip(std::move(request));
  if (!response) {
    Error error = std::move(response.error());
    co_return failure(error.with("while asking " + where));
  }
  keep_nonce(*response);
  Reply reply;
  reply.status = response->status().code();
  reply.location = response->headers().get_or_empty("Location");
  reply.retry_after =
      parse_retry_after(response->headers().get_or_empty("Retry-After"), options_.now());
  auto content = co_await response->body().read_all(kMaxDocument);
  if (!content) {
    Error error = std::move(content.error());
    co_return failure(error.with("while " + where + " responded"));
  }
  reply.content = std::move(*content);
  co_return reply;
}

task<Result<void>> Client::read_directory() {
  auto url = Url::parse(options_.directory);
  if (!url) co_return failure(url.error());
  Request request(Method::get, std::move(*url));
  auto reply = co_await send(std::move(request));
  if (!reply) co_return failure(reply.error());
  if (reply->status != 200) co_return refused(*reply, options_.directory);
  auto directory = parse_directory(reply->content);
  if (!directory) {
    Error error = std::move(directory.error());
    co_return failure(error.with(options_.directory));
  }
  directory_ = std::move(*directory);
  co_return Result<void>();
}

task<Result<void>> Client::fetch_nonce() {
  auto url = Url::parse(directory_.new_nonce);
  if (!url) co_return failure(url.error());
  Request request(Method::head, std::move(*url));
  auto reply = co_await send(std::move(request));
  if (!reply) co_return failure(reply.error());
  if (!is_success(reply->status)) co_return refused(*reply, "new nonce");
  if (nonce_.empty()) co_return failed("the authority sent no nonce");
  co_return Result<void>();
}

task<Result<Client::Reply>> Client::post_once(std::string url, std::string payload) {
  if (nonce_.empty()) {
    auto fetched = co_await fetch_nonce();
    if (!fetched) co_return failure(fetched.error());
  }
  SignedHeader header;
  header.url = url;
  header.nonce = nonce_;
  header.account_url = account_url_;
  auto body = sign(account_, header, payload);
  nonce_.clear();  // each nonce is good for one request
  if (!body) co_return failure(body.error());
  auto target = Url::parse(url);
  if (!target) co_return failure(target.error());
  Request request(Method::post, std::move(*target));
  request.headers().set("Content-Type", "application/jose+json");
  request.set_body(Body::of(std::move(*body)));
  co_return co_await send(std::move(request));
}

task<Result<Client::Reply>> Client::post(std::string url, std::string payload) {
  for (int tries = 1;; ++tries) {
    auto reply = co_await post_once(url, payload);
    if (!reply) co_return failure(reply.error());
    const bool is_bad_nonce = reply->status == 400 && reply->problem().type == "badNonce";
    if (!is_bad_nonce || tries == kMaxNonces) co_return reply;
  }
}

std::string Client::account_request() const {
  Json json = {{"termsOfServiceAgreed", true}};
  if (!options_.email.empty()) json["contact"] = Json::array({"mailto:" + options_.email});
  std::string text = json.dump();
  if (options_.external && directory_.needs_external_account) {
    text.pop_back();
    text += ",\"externalAccountBinding\":" +
            external_binding(*options_.external, account_, directory_.new_account) + "}";
  }
  return text;
}

// Only finds an existing account (RFC 8555 §7.3.1).
task<Result<Client::Reply>> Client::find_account() {
  co_return co_await post(directory_.new_account, R"({"onlyReturnExisting":true})");
}

// Finds the account by its key, or creates it. A customer's external key may be good for only one
// account, and `onehop acme revoke` does not have it, so with external accounts the account is
// looked up first.
task<Result<void>> Client::log_in() {
  const bool is_for_customers = directory_.needs_external_account;
  Result<Reply> reply = Reply();
  if (is_for_customers) reply = co_await find_account();
  if (!reply) co_return failure(reply.error());
  const bool is_missing = !is_for_customers || !is_success(reply->status);
  if (is_missing && is_for_customers && !options_.external) {
    co_return failed("this authority requires an external account: add --acme-eab FILE");
  }
  if (is_missing) reply = co_await post(directory_.new_account, account_request());
  if (!reply) co_return failure(reply.error());
  if (!is_success(reply->status)) co_return refused(*reply, "account");
  if (!is_https_url(reply->location))
    co_return failed("the authority sent no https:// URL of the account");
  account_url_ = std::move(reply->location);
  co_return Result<void>();
}

task<Result<void>> Client::open() {
  refusal_ = Refusal();
  if (directory_.new_order.empty()) {
    auto read = co_await read_directory();
    if (!read) co_return read;
  }
  if (!account_url_.empty()) co_return Result<void>();
  co_return co_await log_in();
}

task<void> Client::wait(unsigned look, std::optional<std::chrono::seconds> retry_after) {
  std::chrono::nanoseconds pause = options_.first_look * (1U << std::min(look, kMaxLookDoublings));
  if (retry_after) pause = std::max<std::chrono::nanoseconds>(*retry_after, options_.first_look);
  co_await sleep_for(std::min(pause, options_.patience));
}

// Returns "" if the authority has the profile.
std::string Client::why_no_profile() const {
  const auto& profiles = directory_.profiles;
  if (options_.profile.empty() || std::ranges::find(profiles, options_.profile) != profiles.end())
    return {};
  std::string why = "the authority has no profile '" + options_.profile + "'";
  if (profiles.empty()) return why;
  why += "; it has";
  for (const std::string& one : profiles)
    why += (&one == &profiles.front() ? " " : ", ") + one;
  return why;
}

task<Result<Client::Reply>> Client::place_order(const Wanted& wanted) {
  if (std::string why = why_no_profile(); !why.empty()) co_return failed(std::move(why));
  Json json = {{"identifiers", Json::array()}};
  for (const std::string& name : wanted.names)
    json["identifiers"].push_back({{"type", "dns"}, {"value", name}});
  if (!options_.profile.empty()) json["profile"] = options_.profile;
  if (!wanted.replaces.empty() && !directory_.renewal_info.empty()) {
    Json with = json;
    with["replaces"] = wanted.replaces;
    auto reply = co_await post(directory_.new_order, with.dump());
    if (!reply || is_success(reply->status)) co_return reply;
    // The certificate may have been replaced before, or be of another authority, which does not
    // matter.
    const std::string type = reply->problem().type;
    if (type == "rateLimited" || reply->status >= 500) co_return reply;
  }
  co_return co_await post(directory_.new_order, json.dump());
}

task<Result<Client::Reply>> Client::place_order_logged_in(const Wanted& wanted) {
  const bool is_old = !account_url_.empty();
  auto opened = co_await open();
  if (!opened) co_return failure(opened.error());
  auto placed = co_await place_order(wanted);
  if (!is_old || !placed || placed->problem().type != "accountDoesNotExist") co_return placed;
  account_url_.clear();
  opened = co_await open();
  if (!opened) co_return failure(opened.error());
  co_return co_await place_order(wanted);
}

std::unexpected<Error> Client::failed_challenge(const Authorization& authorization) {
  refusal_.is_about_challenge = true;
  for (const Challenge& challenge : authorization.challenges) {
    if (!challenge.problem) continue;
    refusal_.type = challenge.problem->type;
    return failed(authorization.name + ", " + challenge.type + ": " +
                  challenge.problem->to_string());
  }
  return failed(authorization.name + ": the authority does not say why it refuses");
}

task<Result<void>> Client::await_authorization(std::string url, std::string name) {
  for (unsigned look = 0;; ++look) {
    auto reply = co_await post(url, std::string(kAsGet));
    if (!reply) co_return failure(reply.error());
    if (reply->status != 200) co_return refused(*reply, "authorization of " + name);
    auto authorization = parse_authorization(reply->content);
    if (!authorization) co_return failure(authorization.error());
    if (authorization->status == AuthorizationStatus::valid) co_return Result<void>();
    if (authorization->status == AuthorizationStatus::invalid)
      co_return failed_challenge(*authorization);
    co_await wait(look, reply->retry_after);
  }
}

task<Result<void>> Client::authorize(std::string url,
                                     const Wanted& wanted,
                                     ChallengeResponder& responder) {
  auto reply = co_await post(url, std::string(kAsGet));
  if (!reply) co_return failure(reply.error());
  if (reply->status != 200) co_return refused(*reply, "authorization");
  auto authorization = parse_authorization(reply->content);
  if (!authorization) co_return failure(authorization.error());
  if (authorization->status == AuthorizationStatus::valid) co_return Result<void>();
  // The responder makes a file name from the name.
  if (std::ranges::find(wanted.names, authorization->name) == wanted.names.end())
    co_return failed("the authority asks for a proof of a name that was not ordered");
  const auto& challenges = authorization->challenges;
  const auto found = std::ranges::find_if(challenges, [&](const Challenge& one) {
    return !one.token.empty() && responder.accepts(one.type);
  });
  if (found == challenges.end()) {
    refusal_.is_about_challenge = true;
    co_return failed(authorization->name +
                     ": the authority offers no challenge that this process can respond to");
  }
  const std::string answer = found->token + "." + thumbprint_of(account_);
  auto prepared = co_await responder.prepare(found->type, authorization->name, answer);
  if (!prepared) co_return prepared;
  auto response = co_await post(found->url, "{}");
  if (!response) co_return failure(response.error());
  if (!is_success(response->status))
    co_return refused(*response, "challenge of " + authorization->name);
  co_return co_await await_authorization(url, authorization->name);
}

task<Result<Order>> Client::await_order(std::string url, OrderStatus wanted) {
  for (unsigned look = 0;; ++look) {
    auto reply = co_await post(url, std::string(kAsGet));
    if (!reply) co_return failure(reply.error());
    if (reply->status != 200) co_return refused(*reply, "order");
    auto order = parse_order(reply->content);
    if (!order) co_return failure(order.error());
    if (order->status == wanted || order->status == OrderStatus::valid) co_return order;
    if (order->status == OrderStatus::invalid) {
      if (order->problem) refusal_.type = order->problem->type;
      co_return failed("the authority has rejected the order" +
                       (order->problem ? ": " + order->problem->to_string() : std::string()));
    }
    co_await wait(look, reply->retry_after);
  }
}

task<Result<std::string>> Client::obtain(const Wanted& wanted,
                                         const PrivateKey& key,
                                         ChallengeResponder& responder) {
  auto placed = co_await place_order_logged_in(wanted);
  if (!placed) co_return failure(placed.error());
  if (!is_success(placed->status)) co_return refused(*placed, "order");
  const std::string url = placed->location;
  auto begun = parse_order(placed->content);
  if (!begun) co_return failure(begun.error());
  if (!is_https_url(url)) co_return failed("the authority sent no https:// URL of the order");
  if (begun->authorizations.size() > wanted.names.size())
    co_return failed("the authority asks for more proofs than names were ordered");
  for (const std::string& one : begun->authorizations) {
    auto authorized = co_await with_timeout(options_.patience, authorize(one, wanted, responder));
    if (!authorized)
      co_return failure(of_waiting(authorized.error(), "while the authority verified the name"));
  }
  auto ready = co_await with_timeout(options_.patience, await_order(url, OrderStatus::ready));
  if (!ready) co_return failure(of_waiting(ready.error(), "while the authority checked the order"));
  if (ready->status == OrderStatus::ready) {
    auto request = make_request(wanted.names, key);
    if (!request) co_return failure(request.error());
    const std::string payload = Json({{"csr", to_base64url(*request)}}).dump();
    auto finalized = co_await post(ready->finalize, payload);
    if (!finalized) co_return failure(finalized.error());
    if (!is_success(finalized->status)) co_return refused(*finalized, "certificate request");
  }
  auto valid = co_await with_timeout(options_.patience, await_order(url, OrderStatus::valid));
  if (!valid) co_return failure(of_waiting(valid.error(), "while the authority signed"));
  if (valid->certificate.empty()) co_return failed("the authority sent no URL of the certificate");
  auto chain = co_await post(valid->certificate, std::string(kAsGet));
  if (!chain) co_return failure(chain.error());
  if (chain->status != 200) co_return refused(*chain, "certificate");
  co_return std::move(chain->content);
}

task<Result<std::optional<Client::Advice>>> Client::advice(std::string renewal_id) {
  refusal_ = Refusal();
  if (directory_.new_order.empty()) {
    auto read = co_await read_directory();
    if (!read) co_return failure(read.error());
  }
  if (directory_.renewal_info.empty()) co_return std::optional<Advice>();
  auto url = Url::parse(directory_.renewal_info + "/" + renewal_id);
  if (!url) co_return failure(url.error());
  Request request(Method::get, std::move(*url));
  auto reply = co_await send(std::move(request));
  if (!reply) co_return failure(reply.error());
  if (reply->status != 200) co_return refused(*reply, "renewal information");
  auto window = parse_renewal_window(reply->content);
  if (!window) co_return failure(window.error());
  Advice found{.window = std::move(*window), .retry_after = reply->retry_after};
  co_return std::optional<Advice>(std::move(found));
}

task<Result<void>> Client::revoke(std::string_view der, int reason) {
  auto opened = co_await open();
  if (!opened) co_return opened;
  if (directory_.revoke_certificate.empty())
    co_return failed("this authority does not revoke certificates by ACME");
  const std::string payload = Json({{"certificate", to_base64url(der)}, {"reason", reason}}).dump();
  auto reply = co_await post(directory_.revoke_certificate, payload);
  if (!reply) co_return failure(reply.error());
  if (!is_success(reply->status)) co_return refused(*reply, "revocation");
  co_return Result<void>();
}

}  // namespace onehop::acme
