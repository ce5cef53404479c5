// SPDX-License-Identifier: Apache-2.0
//
// ReverseProxy: a Handler that sends each request to an upstream and streams the answer back
// unmodified. Every part can be replaced through its Options. Safe to call from every core at once;
// so must the functions in Options be.
#pragma once

#include <onehop/error.hpp>
#include <onehop/handler.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/url.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace onehop {

// The two requests inside the proxy, handed to a rewrite hook.
class ProxyRequest {
 public:
  ProxyRequest(const Request& in, Request& out, bool trusted) noexcept
      : in_(in), out_(out), trusted_(trusted) {}

  // As received; content excepted (it belongs to out()).
  const Request& in() const noexcept { return in_; }
  // The copy that will be sent. Hop-by-hop fields are already gone, and so are all forwarding
  // fields (X-Forwarded-*, X-Real-IP, Forwarded and so on; README.md lists them) unless the peer is
  // trusted. X-Forwarded-For, -Host and -Proto say what the proxy knows: nothing a client sends can
  // remove or forge what the hook adds. Other fields are as received. Do not keep the reference.
  Request& out() noexcept { return out_; }

  // Scheme, authority, base path and query of `target`; the Host field follows the target.
  void set_url(const Url& target);
  // Host as the client sent it.
  void keep_host();
  // X-Forwarded-For, -Host and -Proto from in(), replacing what the client claimed, and
  // X-Client-Certificate-Subject where it has shown one. Done before the hook runs.
  void set_forwarded();
  // The same behind a hop that is trusted: For is its list and the hop itself; Host and Proto are
  // what it says the client asked for, where it says so.
  void append_forwarded();
  // Adds the standard Forwarded field (RFC 7239) with for, host and proto.
  void set_forwarded_element();
  // True if the peer is in ReverseProxy::Options::trust or in Server::Options::trust.
  bool peer_is_trusted() const noexcept { return trusted_; }
  // Does not go upstream; sends this instead. The last call counts.
  void answer(Response response);
  std::unique_ptr<Response> take_answer() noexcept { return std::move(answer_); }

 private:
  const Request& in_;
  Request& out_;
  std::unique_ptr<Response> answer_;
  bool trusted_;
};

// When a piece of a response goes out.
enum class FlushPolicy : std::uint8_t {
  // At once for event streams and for content of unknown length; content of known length may be
  // joined with what has arrived behind it already. Nothing ever waits for more.
  automatic,
  // Every piece as it was read, one write each.
  immediate,
};

class ReverseProxy final : public Handler {
 public:
  struct Options {
    // Edits the outbound copy: at least where it goes. Required.
    std::function<void(ProxyRequest&)> rewrite = {};
    // Makes the round trip. Default: a Transport with default options.
    std::shared_ptr<const RoundTripper> transport = {};
    // Edits a response (a 101 too) after its hop-by-hop fields were removed and before anything is
    // sent; an Error drops it and goes to error_response.
    std::function<Result<void>(Response&)> modify_response = {};
    // The answer when there is none: called at most once for a request, never after a response has
    // begun. Default: default_error_response.
    std::function<Response(const Request& in, const Error&)> error_response = {};
    FlushPolicy flush = FlushPolicy::automatic;
    // Peers whose forwarding fields are believed: the list in X-Forwarded-For goes on, the others
    // are kept. "10.0.0.0/8", "::1", "unix". Those in Server::Options::trust are believed as well.
    std::vector<std::string> trust = {};
    // Forwarding fields that are passed on whoever sends them, such as "X-Real-IP". A backend must
    // not believe them.
    std::vector<std::string> allow_fields = {};
    // Protocols an Upgrade may ask for (RFC 9110 §7.8). "h2c" is never forwarded.
    std::vector<std::string> upgrades = {"websocket"};
  };

  // Throws std::invalid_argument if rewrite is missing, an entry of trust is not a network, or one
  // of allow_fields is not a forwarding field or is set by the proxy itself.
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

// A proxy to one upstream, with Go's semantics: paths joined, the client's Host kept. Throws
// std::invalid_argument when `target` is not absolute.
ReverseProxy single_host_reverse_proxy(Url target);

// Go's Director as a rewrite hook: it gets the outbound copy only. Unlike Go's, it runs after the
// hop-by-hop fields are gone, so a client cannot delete through Connection what it adds.
std::function<void(ProxyRequest&)> director(std::function<void(Request& out)> edit);

// 400, 408, 413 for the client's faults; 504 when the upstream was too slow, 503 when no connection
// slot came free, 502 for the rest; 500 for our own. A short text, or JSON or HTML as Accept asks,
// with the X-Request-ID of `in`; to application/grpc a 200 with grpc-status. Names no address.
Response default_error_response(const Request& in, const Error& error);

}  // namespace onehop
