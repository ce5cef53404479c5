// SPDX-License-Identifier: Apache-2.0
//
// H1Exchange is one request to an upstream over HTTP/1.1, and its response. It writes the request
// while it reads the response, and becomes the source of the response's body, which may be read
// while the request is still being sent. Its destructor returns the connection to its owner or
// closes it.
// Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/arena.hpp"
#include "base/poll.hpp"
#include "http/h1/serializer.hpp"
#include "http/polled_body_source.hpp"
#include "transport/endpoint_use.hpp"
#include "transport/h1_connection.hpp"
#include "transport/resend.hpp"
#include "transport/upload.hpp"
#include "wire/h1_body_reader.hpp"
#include "wire/h1_output.hpp"

#include <memory>
#include <optional>
#include <string>

namespace onehop::transport {

class H1Exchange final : public PolledBodySource,
                         public detail::InFramePool,
                         private PoolUser,
                         private Upload::Owner {
 public:
  explicit H1Exchange(std::unique_ptr<H1Connection> connection);
  ~H1Exchange() override;

  // Counts the request at its endpoint until the exchange, or its tunnel, ends.
  void count_at(EndpointUse use) noexcept { use_ = std::move(use); }
  // These implement UpstreamExchange.
  void begin(Request& request, HeldString* copy);
  Poll<Response> try_response(const Request& request);
  bool may_wait() const noexcept { return !wait_failure_ && !upload_.is(Upload::State::failed); }
  net::Stream::Awaiter wait_for_response() noexcept;
  void on_wait(net::Wait wait);
  static Response attach(Response response, std::unique_ptr<H1Exchange> exchange);
  // After a response: reports whether nothing is left to read or to send.
  bool is_complete() const noexcept { return reader_.at_end() && !upload_.is_on_its_way(); }

  // Only after a failure.
  Delivery delivery() const noexcept;
  // See Upload::take_back().
  std::optional<Body> take_body_back(HeldString copy) { return upload_.take_back(std::move(copy)); }

  // The response's body.
  task<Result<bytes>> read() override;
  std::optional<std::uint64_t> length() const override { return reader_.length(); }
  const Headers& trailers() const override { return reader_.trailers(); }
  Poll<bytes> try_read(std::size_t max) override;
  task<void> wait() override;
  bool at_end() const noexcept override { return reader_.at_end(); }

 private:
  struct Sending {
    h1::HeadFraming framing;
    wire::Coding coding = wire::Coding::identity;
  };
  Sending plan(const Request& request) const;
  Result<void> send_head(const Request& request);
  void begin_upload(std::size_t head);
  bool is_answered() const noexcept override { return progress_ != Progress::waiting; }
  bool has_left() const noexcept override { return true; }  // sent bytes were written
  bool passes_content_on() const noexcept override { return upload_.is_on_its_way(); }
  bool is_left_to_response(const Error& error) const noexcept override;
  void on_upload_failed() noexcept override;
  Poll<Response> take_responses(const Request& request);
  Poll<void> try_head(h1::HeadParser& parser);
  Result<void> pass_on(const Request& request, Response& response);
  Result<Response> take_response(const Request& request, h1::HeadParser& parser);
  Result<Response> final_response(const Request& request, Version version, Response response);
  Response take_tunnel(Response response);
  void on_challenge(const Response& response);
  Error wait_error(const Error& error) const;
  bool is_reusable();
  void pool_ended() noexcept override;

  EndpointUse use_;
  std::unique_ptr<H1Connection> connection_;  // null after the end, and after the end of the pool
  PoolContext& pool_;
  wire::H1Output output_;
  wire::H1BodyReader reader_;
  std::optional<wire::ParserPool::Lease> parser_;  // only while there are bytes to parse
  ExchangeRecord* record_ = nullptr;
  ArenaRef arena_;  // the request's; keeps record_ alive
  ConnectionId client_;
  std::optional<Error> wait_failure_;
  std::uint64_t out_before_;  // the stream's bytes_out() before this exchange
  net::Duration activity_timeout_;
  bool may_be_silent_ = false;  // a response without a length
  wire::Coding coding_ = wire::Coding::identity;
  std::size_t informational_ = 0;
  bool keep_alive_ = false;
  bool asked_upgrade_ = false;
  Progress progress_ = Progress::waiting;
  bool has_credentials_ = false;  // credentials for the connection, not only for the request
  Upload upload_;                 // last: destroyed first, it uses the rest
};

}  // namespace onehop::transport
