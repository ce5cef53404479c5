// SPDX-License-Identifier: Apache-2.0
//
// H2Exchange: one request of an HTTP/2 connection and its response, from the stream's first frame
// to its last. Calls the handler, and cancels it when the client resets the stream. Owned by its
// connection, which destroys it when it reports its end. Thread: owner.
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
  // The connection of its stream.
  class Owner {
   public:
    // The exchange is over. Destroys it: the caller touches it no more.
    virtual void exchange_ended() noexcept = 0;
    // The client is stuck within a head, so that nothing else can come (RFC 9113 §6.10).
    virtual void head_timed_out() = 0;

   protected:
    ~Owner() = default;
  };

  // `connection`, `link` and `owner` outlive it.
  H2Exchange(WorkerContext& worker,
             const HttpConnection& connection,
             wire::H2Link& link,
             Owner& owner);
  ~H2Exchange() override;

  void on_event() override;
  // Called periodically; ends the exchange if it has stalled.
  void watch(net::Time now);
  // Both sides have sent all in order, and some of it is still on its way to the upstream: neither
  // the stream nor its connection is needed any more.
  bool outlives_stream() const noexcept;
  // The same for an upload, which is the upstream's even if the client has left without a GOAWAY.
  bool outlives_client() const noexcept { return passes_on_ && outlives_stream(); }

 private:
  // The request.
  void record_head(const h2::FieldSection& head);
  Result<Request> take_request(h2::FieldSection& head);
  void send_continue() override { send_informational(Response(Status::continue_)); }
  void on_content_dropped() noexcept override;
  // A silent client may keep the exchange open while a call may stream both ways. Once the response
  // is complete, it may not, nor may a holder of its content that does not read.
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
  // Until both directions have ended.
  bool has_tunnel() const noexcept;
  wire::H2Link* tunnel_link() noexcept override { return &link_; }
  Error tunnel_error() const override { return {Errc::client_gone, Side::client}; }
  void end_silent_tunnel(const Error& why);

  // The end.
  // An upload goes on after the response, or a tunnel does in either direction.
  bool is_passing_on() const noexcept { return passes_on_ || has_tunnel(); }
  task<void> pass_on_rest();
  void settle();
  void on_closed();
  void on_over();

  WorkerContext& worker_;
  wire::H2Link& link_;
  Owner& owner_;
  ServedExchange served_;
  std::string expected_accept_;  // what a backend's 101 has to contain
  ArenaRef response_memory_;     // of the lines of the response
  H2Content content_;
  wire::H2BodySender sender_;
  wire::BodyProgress progress_;
  io::Wakeup over_;  // of a stream that was closed before its tunnel, or its upload
  net::Time stalled_since_;
  std::uint64_t sent_before_ = 0;  // what had been sent when stalled_since_ was set
  OpenTunnel* tunnel_ = nullptr;   // while it is relayed
  bool begun_ = false;
  bool continue_sent_ = false;
  bool is_connect_ = false;
  bool is_call_ = false;          // gRPC
  bool passes_on_ = false;        // the upload, after the response
  RootTask<H2Exchange> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
