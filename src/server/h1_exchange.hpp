// SPDX-License-Identifier: Apache-2.0
//
// H1Exchange: one request of an HTTP/1 connection and its answer, from the parsed head until both
// bodies are settled. Calls the handler and catches what it throws (as only H2Exchange does
// besides), watches for the client leaving, and decides the framing of the answer. Lives in the
// frame of its connection.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/promised_memory.hpp"
#include "http/h1/parser.hpp"
#include "http/h1/serializer.hpp"
#include "net/stream.hpp"
#include "server/client_limit.hpp"
#include "server/h1_content.hpp"
#include "server/request_count.hpp"
#include "wire/h1_output.hpp"
#include "wire/read_buffer.hpp"

#include <cstdint>
#include <optional>

namespace onehop::server {

class HttpConnection;
class WorkerContext;

// What the connection does after an exchange.
enum class Next : std::uint8_t {
  keep_alive,
  close,    // everything was said
  linger,   // bytes of the client may still be on their way: let it read the answer first
  hand_on,  // it was no HTTP/1 at all
};

class H1Exchange final : private H1Content::Owner {
 public:
  H1Exchange(WorkerContext& worker,
             net::Stream& stream,
             wire::ReadBuffer& input,
             const HttpConnection& connection,
             net::Time began);
  H1Exchange(const H1Exchange&) = delete;
  H1Exchange& operator=(const H1Exchange&) = delete;
  ~H1Exchange();

  // What is rarely needed is not inlined, here and below: clang would make its frame part of that
  // of run(), which every request takes.

  // The whole exchange, from a complete head at the front of the input.
  task<Next> run(h1::HeadParser& parser);
  // Answers what could not be understood (408, 4xx, 5xx) and is not followed by anything.
  [[gnu::noinline]] task<Next> refuse(Error error);

 private:
  // Answers a request that is not served now.
  [[gnu::noinline]] task<Next> turn_away(Request& request, Errc why);
  // Why that is; std::nullopt for one that is served.
  std::optional<Errc> reason_to_turn_away();

  // Reading the request.
  Result<Request> take_request(h1::HeadParser& parser);
  void send_continue() override;

  // Answering.
  bool client_is_gone();
  Error why_gone() const;
  void send_informational(const Response& response);
  void note_client_gone();
  struct Plan {
    h1::HeadFraming framing;
    wire::Coding coding = wire::Coding::identity;
    bool has_body = false;
    bool close = false;
  };
  Plan plan(const Response& response) const;
  Result<std::size_t> write_head(const Response& response, const Plan& plan);
  std::optional<Result<void>> begin_answer(Response& response, Plan& plan);
  std::optional<Result<void>> try_deliver(Response& response, const Plan& plan);
  [[gnu::noinline]] task<Result<void>> deliver_rest();
  [[gnu::noinline]] task<Result<void>> deliver(Response& response, Plan plan);
  void note_cut(const Error& error);
  [[gnu::noinline]] task<void> wait_until_settled();
  [[gnu::noinline]] task<Next> settle_body(bool close);
  Next after_complete_exchange(bool close);
  [[gnu::noinline]] task<Next> tunnel(Response& response);
  void finish() noexcept;
  Phase phase() const noexcept;
  void fail(const Error& error);

  WorkerContext& worker_;
  RequestCount::Counted counted_;
  net::Stream& stream_;
  wire::ReadBuffer& input_;
  const HttpConnection& connection_;
  ArenaRef arena_;
  ExchangeRecord* record_;
  H1Content content_;
  wire::H1Output output_;
  wire::BodyProgress progress_;
  RequestPlace place_;
  MemoryPromise claim_;          // what it may come to hold
  H1Exchange** self_ = nullptr;  // how a request that somebody keeps finds this; in the arena
  Method method_;
  Version version_ = Version::http_1_1;
  bool keep_alive_ = true;
  bool response_begun_ = false;
  bool close_delimited_ = false;
};

}  // namespace onehop::server
