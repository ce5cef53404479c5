// SPDX-License-Identifier: Apache-2.0
//
// H2Exchange is one request of an HTTP/2 connection and its response, from the stream's first frame
// to its last. It calls the handler, and cancels it when the client resets the stream. The
// connection owns it, and destroys it when the exchange reports its end.
// Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/arena.hpp"
#include "base/root_task.hpp"
#include "http/h2/stream.hpp"
#include "io/wakeup.hpp"
#include "net/stream.hpp"
#include "server/h2_content.hpp"
#include "server/served_exchange.hpp"
#include "wire/h2_body_sender.hpp"
#include "wire/h2_tunnel.hpp"

#include <optional>
#include <string>

namespace onehop::server {

class HttpConnection;
class WorkerContext;

class H2Exchange final : public h2::Stream,
                         private H2Content::Owner,
                         private ServedExchange::Owner,
                         private wire::H2Tunnel::Owner {
 public:
  // The connection that the stream belongs to.
  class Owner {
   public:
    // Called when the exchange is over. Destroys it: the caller must not use it afterwards.
    virtual void exchange_ended() noexcept = 0;
    // Called when the client has stalled within a head, which no other frame may interrupt
    // (RFC 9113 §6.10).
    virtual void head_timed_out() = 0;

   protected:
    ~Owner() = default;
  };

  // `connection`, `link` and `owner` must outlive the exchange.
  H2Exchange(WorkerContext& worker,
             const HttpConnection& connection,
             wire::H2Link& link,
             Owner& owner);
  ~H2Exchange() override;

  void on_event() override;
  // Called periodically; ends the exchange if it has stalled.
  void watch(net::Time now);
  // Reports whether both sides have sent everything in order, and some of it is still on its way to
  // the upstream. The exchange then needs neither its stream nor the connection.
  bool outlives_stream() const noexcept;
  // Reports the same for an upload, which continues even if the client left without a GOAWAY.
  bool outlives_client() const noexcept { return passes_on_ && outlives_stream(); }

 private:
  // The request.
  void record_head(const h2::FieldSection& head);
  Result<Request> take_request(h2::FieldSection& head);
  void send_continue() override { send_informational(Response(Status::continue_)); }
  void on_content_dropped() noexcept override;
  // A silent client may keep the exchange open while a call may stream both ways. Once the response
  // is complete, the client may not be silent, and a holder of the content must read.
  H2Content::Timed timed() const noexcept {
    if (has_sent_end()) return H2Content::Timed::all;
    return served_.has_begun() || is_call_ ? H2Content::Timed::nothing : H2Content::Timed::client;
  }

  // The response.
  friend class RootTask<H2Exchange>;
  RootTask<H2Exchange> run();
  void on_exception() noexcept;
  void send_informational(const Response& response) override;
  Transferred transferred() const noexcept override { return {received(), sent()}; }
  void check_response(Response& response);
  void send_short_response(Response response);
  void send_final_head(Status status,
                       const Headers& headers,
                       h2::ResponseFraming framing,
                       bool is_end);
  bool begin_response(Response& response);
  bool begin_any_response(Response& response);
  void give_up(const Error& error);

  // A WebSocket (RFC 8441).
  struct OpenTunnel;
  task<void> tunnel(Response& response);
  // Reports whether a direction of the tunnel is still open.
  bool has_tunnel() const noexcept;
  wire::H2Link* tunnel_link() noexcept override { return &link_; }
  Error tunnel_error() const override { return {Errc::client_gone, Side::client}; }
  void end_silent_tunnel(const Error& why);

  // The end.
  // Reports whether an upload continues after the response, or a tunnel in either direction.
  bool is_passing_on() const noexcept { return passes_on_ || has_tunnel(); }
  task<void> pass_on_rest();
  void settle();
  void on_closed();
  void on_over();
  net::Time end_of_head(net::Duration timeout) const noexcept;

  WorkerContext& worker_;
  wire::H2Link& link_;
  Owner& owner_;
  ServedExchange served_;
  std::string expected_accept_;  // the Sec-WebSocket-Accept required of a backend's 101
  ArenaRef response_memory_;     // holds the header lines of the response
  H2Content content_;
  wire::H2BodySender sender_;
  wire::BodyProgress progress_;
  io::Wakeup over_;  // scheduled when a tunnel or an upload ends after its stream
  net::Time stalled_since_;
  std::uint64_t sent_before_ = 0;  // sent() when stalled_since_ was set
  OpenTunnel* tunnel_ = nullptr;   // while a tunnel is relayed
  bool begun_ = false;
  bool continue_sent_ = false;
  bool is_connect_ = false;
  bool is_call_ = false;          // gRPC
  bool passes_on_ = false;        // the upload continues after the response
  RootTask<H2Exchange> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
