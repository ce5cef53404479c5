// SPDX-License-Identifier: Apache-2.0
//
// ServedExchange is the part of a server's exchange that is the same for every version of HTTP: its
// record and memory, the completion of its request before the handler gets it, the responses that
// the server itself makes, and the state of the response. H1Exchange and H2Exchange have one each.
// Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/arena.hpp"
#include "base/check.hpp"
#include "base/promised_memory.hpp"
#include "http/message_framing.hpp"
#include "server/client_limit.hpp"
#include "server/configuration.hpp"
#include "server/request_count.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace onehop::server {

class HttpConnection;
class WorkerContext;

// How far the response has come. It never goes back.
enum class ResponseState : std::uint8_t {
  none,           // nothing was sent
  informational,  // only 1xx responses
  head_sent,      // the head of the final response
  complete,       // all of it, or both directions of a tunnel
  cut,            // it ended early; the record has the reason
};

class ServedExchange : public RequestCount::Counted {
 public:
  // The exchange that this object belongs to.
  class Owner {
   public:
    // Called when the handler, or the upstream, sends a 1xx before the final response.
    virtual void send_informational(const Response& response) = 0;
    // The bytes of content that the client has sent and received so far.
    struct Transferred {
      std::uint64_t from_client, to_client;
    };
    virtual Transferred transferred() const noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `connection` must outlive this object. `configuration` is pinned until the exchange ends.
  // `arena` holds the exchange's messages. `began`: when the first byte of the request arrived.
  ServedExchange(WorkerContext& worker,
                 const ConfigurationRef& configuration,
                 const HttpConnection& connection,
                 ArenaRef arena,
                 Time began);
  ServedExchange(const ServedExchange&) = delete;
  ServedExchange& operator=(const ServedExchange&) = delete;
  ~ServedExchange();

  const Server::Options& options() const noexcept { return configuration_->options(); }
  const Handler& handler() const noexcept { return configuration_->handler(); }
  const h1::Limits& limits() const noexcept { return configuration_->limits(); }
  const ArenaRef& arena() const noexcept { return arena_; }
  ExchangeRecord& record() noexcept { return *record_; }
  const ExchangeRecord& record() const noexcept { return *record_; }
  const Method& method() const noexcept { return method_; }
  Owner::Transferred transferred() const noexcept {
    return owner_ ? owner_->transferred() : Owner::Transferred{0, 0};
  }

  // --- the request ---
  // Records the client that a request with these fields comes from.
  void record_client(const Headers& headers);
  // Records the method, which decides whether a response has content.
  void record_method(const Method& method) noexcept { record_->method = method_ = method; }
  // Records the request, and sets its X-Request-ID and its trace fields.
  void record_request(const Method& method, std::string_view target, Headers& headers);
  // Checks the request, and gives it the connection's facts, the record, and a path for
  // informational responses, which lead to `owner` until finish(). Returns whether the client waits
  // for a 100. Errors: see check_request().
  Result<bool> complete_request(Request& request,
                                Version version,
                                const BodyFraming& framing,
                                Owner& owner);
  // Takes a place among the client's requests. Returns false if the client has its maximum.
  bool enter();
  // Promises the exchange `size` bytes, which it may come to hold.
  void promise_memory(std::size_t size) noexcept { claim_ = MemoryPromise(size); }

  // --- responses made by the server, which records the reason ---
  Response malformed_response(const Error& error);
  // Returns the response to a well-formed request that is not given to the handler. `why`:
  // overloaded or too_many_requests.
  Response busy_response(const Request& request, Errc why);
  // Returns the response after an exception of the handler, or an equivalent fault: a 500, or a 503
  // if the exception has Errc::overloaded.
  Response exception_response(std::string what);
  // Replaces a response that no server may send as the final one (a 1xx, including a 101 without a
  // tunnel) by a 500.
  void check_is_final(Response& response);

  // --- the response ---
  ResponseState state() const noexcept { return state_; }
  // Reports whether the head of the final response was sent, even if the rest was not.
  bool has_begun() const noexcept { return has_begun_; }
  bool may_send_informational() const noexcept { return state_ <= ResponseState::informational; }
  bool is_cut() const noexcept { return state_ == ResponseState::cut; }
  void on_informational_sent() noexcept { move_to(ResponseState::informational); }
  void on_head_sent(Status status) noexcept {
    move_to(ResponseState::head_sent);
    has_begun_ = true;
    record_->status = status.code();
  }
  // Called when the connection, or the stream, becomes a tunnel.
  void on_tunnel() noexcept;
  void on_complete() noexcept {
    move_to(ResponseState::complete);
    record_->outcome = Outcome::complete;
  }
  // Called when the response ends early. Records `error` unless another was recorded before.
  void on_cut(Outcome outcome, const Error& error);
  void on_cut(Outcome outcome) noexcept {
    move_to(ResponseState::cut);
    record_->outcome = outcome;
  }
  // Records why the exchange ended before its response, unless that is known: the server was
  // stopped, or else the given error.
  void on_unfinished(bool was_stopped, Errc code, Side side, const char* what) noexcept;
  // Records a failure unless one was recorded before.
  void record_failure(const Error& error);
  Phase phase() const noexcept;

  // Reports the record. Called once, when the exchange ends.
  void finish() noexcept;

 private:
  // The path from a request to its exchange, which the request may outlive. It is in the arena,
  // which lives as long as either.
  class InformationalHook {
   public:
    explicit InformationalHook(Owner& owner) noexcept : owner_(&owner) {}
    void clear() noexcept { owner_ = nullptr; }
    void send(const Response& response) const {
      if (owner_) owner_->send_informational(response);
    }

   private:
    Owner* owner_;
  };

  static bool may_follow(ResponseState before, ResponseState next) noexcept;
  void move_to(ResponseState next) noexcept {
    ONEHOP_DCHECK(!finished_);
    ONEHOP_DCHECK(may_follow(state_, next));
    state_ = next;
  }

  WorkerContext& worker_;
  const ConfigurationRef configuration_;
  const HttpConnection& connection_;
  ArenaRef arena_;
  ExchangeRecord* record_;
  const bool peer_is_trusted_;    // according to configuration_
  const Owner* owner_ = nullptr;  // from complete_request() until finish()
  InformationalHook* hook_ = nullptr;
  RequestTicket ticket_;
  MemoryPromise claim_;
  Method method_;
  ResponseState state_ = ResponseState::none;
  bool has_begun_ = false;
  bool finished_ = false;
};

}  // namespace onehop::server
