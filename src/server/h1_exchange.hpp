// SPDX-License-Identifier: Apache-2.0
//
// H1Exchange is one request of an HTTP/1 connection and its response, from the parsed head until
// both bodies are settled. It calls the handler and catches what the handler throws (the only other
// place that does is H2Exchange), watches for the client leaving, and frames the response. It lives
// in the coroutine frame of its connection.
// Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/poll.hpp"
#include "http/h1/parser.hpp"
#include "http/h1/serializer.hpp"
#include "net/stream.hpp"
#include "server/h1_content.hpp"
#include "server/served_exchange.hpp"
#include "wire/h1_output.hpp"
#include "wire/read_buffer.hpp"

#include <cstdint>
#include <optional>

namespace onehop::server {

class HttpConnection;
class WorkerContext;

// How the connection continues after an exchange.
enum class Next : std::uint8_t {
  keep_alive,
  close,    // nothing is left to send
  linger,   // the client may still send: it must be able to read the response before the close
  hand_on,  // the client does not speak HTTP/1
};

class H1Exchange final : private H1Content::Owner, private ServedExchange::Owner {
 public:
  H1Exchange(WorkerContext& worker,
             const ConfigurationRef& configuration,
             net::Stream& stream,
             wire::ReadBuffer& input,
             const HttpConnection& connection,
             net::Time began);
  H1Exchange(const H1Exchange&) = delete;
  H1Exchange& operator=(const H1Exchange&) = delete;
  ~H1Exchange();

  // Functions that are rarely called are not inlined, here and below: clang would make their frames
  // part of the frame of run(), which every request allocates.

  // Serves the request whose complete head is at the front of the input.
  task<Next> run(h1::HeadParser& parser);
  // Responds to a message that could not be understood (408, 4xx, 5xx), the connection's last.
  [[gnu::noinline]] task<Next> reject_malformed(Error error);

 private:
  struct Plan {
    h1::HeadFraming framing;
    wire::Coding coding = wire::Coding::identity;
    bool has_body = false;
    bool close = false;
  };

  // The request.
  Result<Request> take_request(h1::HeadParser& parser);
  // Returns why the request is not served now, or std::nullopt if it is.
  std::optional<Errc> reason_to_reject();
  [[gnu::noinline]] task<Next> reject_busy(Request& request, Errc why);
  void send_continue() override { send_informational(Response(Status::continue_)); }
  bool client_is_gone();
  Error why_gone() const;

  // The response.
  void send_informational(const Response& response) override;
  Transferred transferred() const noexcept override {
    return {content_.received(), progress_.sent};
  }
  Plan plan(const Response& response) const;
  Plan plan_to_close(const Response& response) const;
  Result<std::size_t> write_head(const Response& response, const Plan& plan);
  Poll<void> begin_response(Response& response, Plan& plan);
  Poll<void> try_deliver(Response& response, const Plan& plan);
  [[gnu::noinline]] task<Result<void>> deliver_rest();
  [[gnu::noinline]] task<Result<void>> deliver(Response& response, Plan plan);
  [[gnu::noinline]] task<Next> tunnel(Response& response);

  // The end.
  void on_send_failed(const Error& why);
  [[gnu::noinline]] task<void> wait_until_settled(bool passes_on);
  [[gnu::noinline]] task<Next> settle_body(bool close);
  Next next_after_whole_request(bool close);

  WorkerContext& worker_;
  net::Stream& stream_;
  wire::ReadBuffer& input_;
  const HttpConnection& connection_;
  ServedExchange served_;
  H1Content content_;
  wire::H1Output output_;
  wire::BodyProgress progress_;
  Version version_ = Version::http_1_1;
  bool keep_alive_ = true;
  bool close_delimited_ = false;  // the response ends with the connection
};

}  // namespace onehop::server
