// SPDX-License-Identifier: Apache-2.0
//
// H2Exchange is one request to an upstream over HTTP/2, and its response. It sends the request's
// content while it reads the response, and becomes the source of the response's body. If it is
// destroyed before both are complete, it resets the stream. Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/poll.hpp"
#include "http/polled_body_source.hpp"
#include "transport/endpoint_use.hpp"
#include "transport/h2_connection.hpp"
#include "transport/resend.hpp"
#include "transport/upload.hpp"
#include "wire/h2_body_sender.hpp"
#include "wire/h2_tunnel.hpp"

#include <memory>
#include <optional>
#include <string>

namespace onehop::transport {

class H2Exchange final : public h2::Stream,
                         public PolledBodySource,
                         private Upload::Owner,
                         private wire::H2Tunnel::Owner {
 public:
  H2Exchange(H2Connection& connection, Request& request);
  ~H2Exchange() override;

  // Reports whether the request is sent as an extended CONNECT, which needs the peer's SETTINGS.
  static bool asks_for_tunnel(const Request& request) noexcept;

  // Counts the request at its endpoint until the exchange ends.
  void count_at(EndpointUse use) noexcept { use_ = std::move(use); }
  // These implement UpstreamExchange.
  void begin(Request& request, HeldString* copy);
  Poll<Response> try_response(const Request& request);
  bool may_wait() const noexcept { return !wait_failure_; }
  io::Event::Awaiter wait_for_response() noexcept;
  void on_wait(bool changed);
  static Response attach(Response response, std::unique_ptr<H2Exchange> exchange);
  // After a response: reports whether nothing is left to read or to send.
  bool is_complete() const noexcept { return at_end_of_response() && !upload_.is_on_its_way(); }
  bool has_unread_trailers() const noexcept { return has_trailers() && !trailers_taken_; }
  // After a response: reports whether it is a 101 whose tunnel is this stream.
  bool is_tunnel() const noexcept { return is_tunnel_; }

  // Only after a failure.
  Delivery delivery() const noexcept;
  // See Upload::take_back().
  std::optional<Body> take_body_back(HeldString copy) { return upload_.take_back(std::move(copy)); }

  // The response's body.
  task<Result<bytes>> read() override;
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override { return trailers_; }
  Poll<bytes> try_read(std::size_t max) override;
  task<void> wait() override;
  bool at_end() const noexcept override { return at_end_of_response() && !failure_; }

  // Called by the session.
  void on_event() override;

 private:
  struct Member final : H2Connection::User {
    explicit Member(H2Exchange& e) noexcept : exchange(e) {}
    void on_connection_lost(bool timed_out) noexcept override {
      exchange.on_connection_lost(timed_out);
    }
    H2Exchange& exchange;
  };

  struct PoolMember final : PoolUser {
    explicit PoolMember(H2Exchange& e) noexcept : exchange(e) {}
    void pool_ended() noexcept override;
    H2Exchange& exchange;
  };

  class OwningTunnel;
  // How the stream has ended or will end.
  enum class End : std::uint8_t {
    own,          // by its own frames
    passed_over,  // by a GOAWAY
    lost,         // with its connection
  };

  bool has_responded() const noexcept { return progress_ == Progress::responded; }

  wire::H2Link* tunnel_link() noexcept override;
  Error tunnel_error() const override;
  void on_connection_lost(bool timed_out) noexcept;
  bool at_end_of_response() const noexcept { return h2::Stream::at_end() && !has_head(); }
  Result<void> open(const Request& request, bool as_tunnel);
  net::Time stall_deadline(net::Time now) noexcept;
  void begin_upload();
  void stop_upload();
  bool is_answered() const noexcept override { return has_responded(); }
  bool has_left() const noexcept override { return has_sent_end() || is_closed(); }
  bool passes_content_on() const noexcept override { return upload_.is_on_its_way(); }
  // If the stream is closed or the exchange has failed, the upstream does not want the rest.
  bool is_left_to_response(const Error&) const noexcept override {
    return !is_open() || failure_.has_value();
  }
  void on_upload_failed() noexcept override { changed_.set(); }
  void pass_on(const Request& request, const Response& response);
  // `length` is that of the content, according to the fields.
  void final_response(const Request& request,
                      Response& response,
                      std::optional<std::uint64_t> length);
  void become_tunnel(Response& response);
  bool take_trailers_now();
  void mark_passed_over() noexcept;
  Error closed_error() const;
  h2::ErrorCode reason_to_cancel() const;

  EndpointUse use_;
  H2Connection* connection_;  // null once it is gone
  PoolContext& pool_;
  PoolMember pool_member_;
  std::optional<OriginUse::Ref> ref_;  // until the pool ends
  Member member_;
  wire::H2BodySender sender_;
  ExchangeRecord* record_;
  Headers trailers_;
  std::string tunnel_key_;  // Sec-WebSocket-Key of the client
  std::string tunnel_protocol_;
  std::optional<Error> failure_;
  std::optional<Error> wait_failure_;
  std::optional<std::uint64_t> length_;
  io::Event changed_;
  net::Duration activity_timeout_;
  net::Duration stall_ = net::Duration::max();  // of the upload
  std::uint64_t framed_ = 0;                    // content, when stall_deadline() last looked
  net::Time framed_at_{};                       // when it saw that more was framed
  wire::H2Tunnel* tunnel_ = nullptr;            // owns this
  bool takes_trailers_ = false;
  Progress progress_ = Progress::waiting;
  End end_ = End::own;
  bool is_tunnel_ = false;
  bool has_left_ = false;       // the end of the request was framed
  bool may_be_silent_ = false;  // a response without a length
  bool trailers_taken_ = false;
  Upload upload_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::transport
