// SPDX-License-Identifier: Apache-2.0
//
// AcmeAuthority is an in-memory authority of RFC 8555 whose behaviour a test controls. It does not
// verify signatures or challenges; Pebble does so in the integration tests.
// Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/round_tripper.hpp>

#include "acme/base64url.hpp"
#include "acme/messages.hpp"
#include "net/tls_handles.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace onehop {

class AcmeAuthority final : public RoundTripper {
 public:
  using Json = nlohmann::json;
  struct Refusal {
    int status = 400;
    std::string type = {};
    std::string retry_after = {};
  };
  // Controls how the next requests are treated. Tests change it at any time.
  struct Behaviour {
    bool is_down = false;
    int bad_nonces = 0;                             // requests to reject with badNonce
    std::map<std::string, Refusal> refusals = {};   // by path
    std::set<std::string> failing_challenges = {};  // types
    int processing_looks = 0;                       // polls of an order before it is valid
    std::chrono::seconds lifetime = std::chrono::hours(24 * 90);
    std::optional<acme::RenewalWindow> window = {};
    bool sends_nonsense = false;
    bool is_for_customers = false;  // an account needs an external one
    bool forgets_account = false;   // until the client asks for an account
    std::string scheme = "https";   // of the URLs in Location
    int authorizations = 1;         // required for an order
    std::string other_name = {};    // authorized instead of the name in the order
  };

  explicit AcmeAuthority(std::string host = "ca.test") : host_(std::move(host)) {}

  std::string directory() const { return url("/dir"); }
  int count(const std::string& path) const {
    const auto found = counts_.find(path);
    return found == counts_.end() ? 0 : found->second;
  }
  const std::vector<Json>& orders() const { return orders_; }

  task<Result<Response>> round_trip(Request request) const override {
    if (behaviour.is_down) {
      co_return failure(Error(Errc::connect_failed, Side::upstream));
    }
    const std::string path(request.url().path());
    auto content = co_await request.body().read_all(1UL << 20U);
    if (!content) co_return failure(content.error());
    co_return respond(path, *content);
  }

  mutable Behaviour behaviour;
  mutable acme::WallTime now = std::chrono::system_clock::now();
  // Called when the authority validates a challenge, with its type and token.
  mutable std::function<void(const std::string& type, const std::string& token)> on_look;

 private:
  std::string url(const std::string& path) const { return "https://" + host_ + path; }

  static Response json(int status, const Json& content) {
    Response response{Status(status), content.dump()};
    response.headers().set("Content-Type", "application/json");
    return response;
  }

  static Response problem(const Refusal& refusal) {
    Response response = json(
        refusal.status,
        {{"type", "urn:ietf:params:acme:error:" + refusal.type}, {"detail", "the test says no"}});
    if (!refusal.retry_after.empty()) response.headers().set("Retry-After", refusal.retry_after);
    return response;
  }

  Response respond(const std::string& path, const std::string& content) const {
    const std::string kind = path.substr(0, path.find('/', 1));
    ++counts_[kind];
    Response response = answer(path, kind, content);
    response.headers().set("Replay-Nonce", "nonce" + std::to_string(++nonces_));
    return response;
  }

  Response answer(const std::string& path,
                  const std::string& kind,
                  const std::string& content) const {
    if (behaviour.sends_nonsense) return Response(Status::ok, "<html>");
    if (const auto found = behaviour.refusals.find(kind); found != behaviour.refusals.end())
      return problem(found->second);
    if (kind == "/dir") return json(200, directory_document());
    if (kind == "/nonce") return Response(Status::ok, "");
    if (kind == "/info") return window();
    if (behaviour.bad_nonces > 0) {
      --behaviour.bad_nonces;
      return problem({.status = 400, .type = "badNonce"});
    }
    return answer_signed(path, kind, payload_of(content));
  }

  static Json payload_of(const std::string& content) {
    const Json jws = Json::parse(content, nullptr, false);
    const auto payload = acme::from_base64url(jws["payload"].get<std::string>());
    return payload->empty() ? Json() : Json::parse(*payload);
  }

  Json directory_document() const {
    Json document = {{"newNonce", url("/nonce")},
                     {"newAccount", url("/account")},
                     {"newOrder", url("/order")},
                     {"revokeCert", url("/revoke")},
                     {"meta", {{"termsOfService", url("/terms")}, {"profiles", {{"short", ""}}}}}};
    document["meta"]["externalAccountRequired"] = behaviour.is_for_customers;
    if (behaviour.window) document["renewalInfo"] = url("/info");
    return document;
  }

  Response window() const {
    return json(200, {{"suggestedWindow",
                       {{"start", acme::to_rfc3339(behaviour.window->start)},
                        {"end", acme::to_rfc3339(behaviour.window->end)}}}});
  }

  Response answer_signed(const std::string& path, const std::string& kind, Json payload) const {
    if (kind == "/account") {
      if (behaviour.is_for_customers && !has_account_ && payload.contains("onlyReturnExisting"))
        return problem({.status = 400, .type = "accountDoesNotExist"});
      if (behaviour.is_for_customers && !has_account_ &&
          !payload.contains("externalAccountBinding"))
        return problem({.status = 403, .type = "externalAccountRequired"});
      has_account_ = true;
      behaviour.forgets_account = false;
      return with_location(json(201, {{"status", "valid"}}), "/account/1");
    }
    if (behaviour.forgets_account) return problem({.status = 400, .type = "accountDoesNotExist"});
    if (kind == "/revoke") return Response(Status::ok, "");
    if (kind == "/order") {
      if (!payload.is_null()) begin_order(payload);
      return with_location(json(payload.is_null() ? 200 : 201, order_document()), "/order/1");
    }
    if (kind == "/authorization") return json(200, authorization_document());
    if (kind == "/challenge") {
      authority_looks(path.substr(path.rfind('/') + 1));
      return json(200, {{"status", "processing"}});
    }
    if (kind == "/finalize") {
      chain_ = issue(*acme::from_base64url(payload["csr"].get<std::string>()));
      looks_left_ = behaviour.processing_looks;
      return json(200, order_document());
    }
    if (kind == "/certificate") return Response(Status::ok, chain_);
    return Response(Status::not_found, "");
  }

  Response with_location(Response response, const std::string& path) const {
    response.headers().set("Location", behaviour.scheme + "://" + host_ + path);
    return response;
  }

  void begin_order(const Json& payload) const {
    orders_.push_back(payload);
    name_ = payload["identifiers"][0]["value"];
    authorization_ = "pending";
    chain_.clear();
  }

  Json order_document() const {
    std::string status = authorization_ == "valid" ? "ready" : authorization_;
    if (!chain_.empty()) status = looks_left_-- > 0 ? "processing" : "valid";
    Json document = {{"status", status},
                     {"authorizations", Json(static_cast<std::size_t>(behaviour.authorizations),
                                             url("/authorization/1"))},
                     {"finalize", url("/finalize/1")}};
    if (status == "valid") document["certificate"] = url("/certificate/1");
    return document;
  }

  Json authorization_document() const {
    Json challenges = Json::array();
    for (const char* const type : {"http-01", "tls-alpn-01", "dns-01"}) {
      Json one = {
          {"type", type},
          {"url", url("/challenge/" + std::string(type))},
          {"token", kToken},
          {"status", authorization_ == "invalid" && failed_ == type ? "invalid" : "pending"}};
      if (failed_ == type)
        one["error"] = {{"type", "urn:ietf:params:acme:error:connection"}, {"detail", "refused"}};
      challenges.push_back(std::move(one));
    }
    return {
        {"status", authorization_},
        {"identifier",
         {{"type", "dns"}, {"value", behaviour.other_name.empty() ? name_ : behaviour.other_name}}},
        {"challenges", std::move(challenges)}};
  }

  void authority_looks(const std::string& type) const {
    if (on_look) on_look(type, kToken);
    const bool fails = behaviour.failing_challenges.contains(type);
    authorization_ = fails ? "invalid" : "valid";
    failed_ = fails ? type : "";
  }

  std::string issue(const std::string& der) const {
    static const net::KeyHandle authority(EVP_EC_gen("P-256"));
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    X509_REQ* const request = d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size()));
    const net::X509Handle made(X509_new());
    X509* const one = made.get();
    X509_set_version(one, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(one), ++serial_);
    ASN1_TIME_set(X509_getm_notBefore(one), std::chrono::system_clock::to_time_t(now));
    ASN1_TIME_set(X509_getm_notAfter(one),
                  std::chrono::system_clock::to_time_t(now + behaviour.lifetime));
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(one), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("Test Authority"), -1, -1, 0);
    X509_set_pubkey(one, X509_REQ_get0_pubkey(request));
    STACK_OF(X509_EXTENSION)* const extensions = X509_REQ_get_extensions(request);
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i)
      X509_add_ext(one, sk_X509_EXTENSION_value(extensions, i), -1);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    add_authority_key_id(one);
    X509_sign(one, authority.get(), EVP_sha256());
    X509_REQ_free(request);
    const net::BioHandle out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), one);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  static void add_authority_key_id(X509* certificate) {
    AUTHORITY_KEYID* const id = AUTHORITY_KEYID_new();
    id->keyid = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(id->keyid, reinterpret_cast<const unsigned char*>("\x01\x02\x03\x04"), 4);
    X509_add1_ext_i2d(certificate, NID_authority_key_identifier, id, 0, X509V3_ADD_DEFAULT);
    AUTHORITY_KEYID_free(id);
  }

  static constexpr const char* kToken = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const std::string host_;
  mutable bool has_account_ = false;
  mutable int nonces_ = 0;
  mutable int serial_ = 0;
  mutable int looks_left_ = 0;
  mutable std::string name_, authorization_ = "pending", failed_, chain_;
  mutable std::map<std::string, int> counts_;
  mutable std::vector<Json> orders_;
};

}  // namespace onehop
