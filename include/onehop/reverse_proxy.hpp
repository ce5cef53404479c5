// SPDX-License-Identifier: Apache-2.0
//
// ReverseProxy is a Handler that sends each request to an upstream and streams the response back
// unmodified. Every part can be replaced through its Options. All workers call it, and the
// functions in its Options, at the same time; these functions must be safe for that.
#pragma once

#include <onehop/error.hpp>
#include <onehop/handler.hpp>
#include <onehop/hook.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/url.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace onehop {

// ProxyRequest is an inbound request and its outbound copy, as a rewrite hook sees them.
class ProxyRequest {
 public:
  // For tests of a hook. Both requests must outlive this object.
  ProxyRequest(const Request& in, Request& out, bool trusted) noexcept
      : in_(in), out_(out), trusted_(trusted) {}

  // The request as received, without its content, which belongs to out().
  const Request& in() const noexcept { return in_; }
  // The copy that will be sent. The proxy has removed hop-by-hop fields and, unless the peer is
  // trusted, all forwarding fields (X-Forwarded-*, X-Real-IP, Forwarded and others; README.md lists
  // them), and has set X-Forwarded-For, -Host and -Proto. A client cannot remove or forge what the
  // hook adds. The reference is valid during the hook only.
  Request& out() noexcept { return out_; }

  // Sets scheme, authority, base path and query from `target`, and Host to its authority.
  void set_url(const Url& target);
  // Sets Host to the value that the client sent.
  void keep_host();
  // Sets X-Forwarded-For, -Host and -Proto from in(), and X-Client-Certificate-Subject if the
  // client presented a certificate. The proxy calls it before the hook runs.
  void set_forwarded();
  // Sets the same fields for a trusted peer: X-Forwarded-For is the peer's list with the peer
  // appended, and X-Forwarded-Host and -Proto are kept if the peer sent them.
  void append_forwarded();
  // Adds the standard Forwarded field (RFC 7239) with for, host and proto.
  void set_forwarded_element();
  // Reports whether the peer is in ReverseProxy::Options::trust or in Server::Options::trust.
  bool peer_is_trusted() const noexcept { return trusted_; }
  // Sends `response` instead of asking the upstream. If it is called again, the last response is
  // sent.
  void answer(Response response);
  // Returns the response last passed to answer(); null if there was none. For tests of a hook.
  std::unique_ptr<Response> take_answer() noexcept { return std::move(answer_); }

 private:
  const Request& in_;
  Request& out_;
  std::unique_ptr<Response> answer_;
  bool trusted_;
};

// ProxyResponse is the upstream's response, with the requests that led to it, as a modify_response
// hook sees them. The references are valid during the hook only.
class ProxyResponse {
 public:
  // For tests of a hook. All three must outlive this object.
  ProxyResponse(const Request& in, const Request& out, Response& response) noexcept
      : in_(&in), out_(&out), response_(response) {}

  // in() is the request as received, out() as it was sent to the upstream; both without content.
  const Request& in() const noexcept { return *in_; }
  const Request& out() const noexcept { return *out_; }
  // The response that will be sent. Hop-by-hop fields have been removed.
  const Response& response() const noexcept { return response_; }
  Response& response() noexcept { return response_; }
  // Sends `response` instead, and drops the upstream's response.
  void answer(Response response) { response_ = std::move(response); }

 private:
  friend class ReverseProxy;
  ProxyResponse(const Request* in, const Request* out, Response& response) noexcept
      : in_(in), out_(out), response_(response) {}

  const Request* in_;  // null, like out_, for a function of a Response&
  const Request* out_;
  Response& response_;
};

// FlushPolicy decides when pieces of a response are written to the client.
enum class FlushPolicy : std::uint8_t {
  // Immediately for event streams and content of unknown length. Content of known length may be
  // joined with content that has already arrived after it. No piece waits for more content to
  // arrive.
  automatic,
  // Each piece immediately, as it was read, with one write.
  immediate,
};

class ReverseProxy final : public Handler {
 public:
  // Each function is called by all workers at once.
  struct Options {
    // Edits the outbound copy, and must at least set its URL. Required. It may return the response
    // itself: see <onehop/hook.hpp>. A coroutine is awaited until the deadline of the request, if
    // it has one.
    RewriteHook rewrite = {};
    // Makes the round trip. Default: a Transport with default options.
    std::shared_ptr<const RoundTripper> transport = {};
    // Edits a response, including a 101, after its hop-by-hop fields were removed and before
    // anything is sent. A function of a ProxyResponse& also sees the requests. If it returns an
    // Error, the response is dropped and error_response is called. See <onehop/hook.hpp>.
    ResponseHook modify_response = {};
    // Builds the response when the upstream produced none. It is called at most once per request,
    // and never after a response has begun. Default: default_error_response.
    std::function<Response(const Request& in, const Error&)> error_response = {};
    // For upstreams that receive another Host than the client sent, and do not know the client's.
    // In a Location, Content-Location or Refresh that names the upstream's Host, it replaces host
    // and scheme by those that the client used, which are those in X-Forwarded-Host and -Proto. It
    // keeps "https" from an upstream that was asked without TLS, since such an upstream names it on
    // purpose. It removes a cookie's Domain that is the upstream's Host, so that the cookie applies
    // to the client's host. This happens before modify_response.
    bool map_back_host = false;
    FlushPolicy flush = FlushPolicy::automatic;
    // Peers whose forwarding fields are kept, and whose list in X-Forwarded-For is extended:
    // "10.0.0.0/8", "::1", "unix". Peers in Server::Options::trust are trusted as well.
    std::vector<std::string> trust = {};
    // Forwarding fields that are passed on from every client, such as "X-Real-IP". An upstream must
    // not rely on them.
    std::vector<std::string> allow_fields = {};
    // Protocols that an Upgrade may request (RFC 9110 §7.8). "h2c" is never forwarded.
    std::vector<std::string> upgrades = {"websocket"};
  };

  // Throws std::invalid_argument if rewrite is missing, an entry of trust is not a network, or one
  // of allow_fields is not a forwarding field, is set by the proxy itself, or is "Proxy".
  explicit ReverseProxy(Options options);
  ReverseProxy(ReverseProxy&&) noexcept;
  ReverseProxy& operator=(ReverseProxy&&) noexcept;
  ~ReverseProxy() override;

  task<Response> serve(Request request) const override;

 private:
  struct State;
  struct Asked;
  std::unique_ptr<const State> state_;
};

// Returns a proxy to one upstream, with Go's semantics: it joins the paths and keeps the client's
// Host. Throws std::invalid_argument if `target` is not absolute.
ReverseProxy single_host_reverse_proxy(Url target);

namespace detail {
[[noreturn]] void refuse_empty_director();
}

// Returns a rewrite hook that works like Go's Director: `edit`, a function of a Request&, receives
// the outbound copy only. Unlike Go's Director, it runs after the hop-by-hop fields were removed,
// so a client cannot use Connection to delete the fields that it adds. Throws std::invalid_argument
// if `edit` is empty.
template <CanBeCalledWithTheOutboundRequest Function>
  requires IsVoidOrAResponseOrAResultOrATaskOfOne<std::invoke_result_t<const Function&, Request&>>
RewriteHook director(Function edit) {
  if (detail::is_empty_function(edit)) detail::refuse_empty_director();
  return [edit = std::move(edit)](ProxyRequest& request) { return edit(request.out()); };
}

// Returns the response to a failure: 4xx if the client is at fault, 504 if the upstream was too
// slow, 503 if no connection became available, 502 for other failures of the upstream, 500 for
// failures of the proxy. The body is a short text, or JSON or HTML as Accept requests, with the
// X-Request-ID of `in`; a request for application/grpc gets a 200 with grpc-status. It reveals no
// address.
Response default_error_response(const Request& in, const Error& error);

}  // namespace onehop
