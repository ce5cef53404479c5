// SPDX-License-Identifier: Apache-2.0
//
// H2Exchange: one request of an HTTP/2 connection and its answer, from the stream's first frame to
// its last. Calls the handler, and cancels it when the client resets the stream; whatever the
// handler makes of the request's content is read from here. Deletes itself when the stream is over.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/promised_memory.hpp"
#include "base/root_task.hpp"
#include "http/h2/stream.hpp"
#include "io/event.hpp"
#include "io/wakeup.hpp"
#include "net/stream.hpp"
#include "server/client_limit.hpp"
#include "server/request_body.hpp"
#include "server/request_count.hpp"
#include "wire/h2_body_sender.hpp"

#include <optional>
#include <string>

namespace onehop::server {

class H2Connection;
class WorkerContext;

class H2Exchange final : public h2::Stream, private RequestContent {
 public:
  explicit H2Exchange(H2Connection& connection);
  ~H2Exchange() override;

  void on_event() override;
  // Time has passed: ends what does not get on.
  void watch(net::Time now);
  // Both sides have said all in order, and some of it is still on its way into the tunnel: neither
  // the stream nor its connection is needed any more.
  bool outlives_stream() const noexcept;

 private:
  struct Member : ListNode {
    explicit Member(H2Exchange& e) noexcept : exchange(e) {}
    H2Exchange& exchange;
  };
  friend class H2Connection;

  // The request.
  void note_head(const h2::FieldSection& head);
  Result<Request> take_request(h2::FieldSection& head);
  std::optional<Result<bytes>> read_body(std::size_t most) override;
  void begin_body_wait() override;
  void end_body_wait() noexcept override;
  void wake_reader() noexcept;
  bool may_end_soon() const noexcept;
  task<void> wait_for_end();
  // With trailers the next read has more to do than to say so.
  bool body_at_end() const noexcept override {
    return at_end() && !has_trailers() && !body_failure_;
  }
  const Headers& body_trailers() const noexcept override { return trailers_; }
  void body_dropped() noexcept override;
  bool may_pause() const noexcept;
  void send_informational(const Response& response);

  // The answer.
  friend class RootTask<H2Exchange>;
  RootTask<H2Exchange> run();
  void on_exception() noexcept;
  void check_answer(Response& response);
  void refuse(const Error& error);
  void answer_at_once(Response response);
  bool begin_answer(Response& response);
  bool begin_any_answer(Response& response);
  void give_up(const Error& error);

  // A WebSocket (RFC 8441).
  task<void> tunnel(Response& response);
  // Until both directions have ended.
  bool has_tunnel() const noexcept { return record_->upgraded && tunnel_ends_ < 2; }
  task<void> guarded(task<void> direction);
  task<void> tunnel_up(Tunnel& far);
  task<void> tunnel_down(Tunnel& far);
  void tunnel_ended(const Result<void>& result);
  static void on_tunnel_silent(void* self);
  static void on_tunnel_over(void* self);

  void settle();
  void closed();
  void fail(const Error& error);
  Phase phase() const noexcept;
  void finish();

  H2Connection& connection_;
  wire::H2Link& link_;
  WorkerContext& worker_;
  RequestCount::Counted counted_;
  Member member_;
  ExchangeRecord* record_;
  std::string expected_accept_;  // what a backend's 101 has to say
  ArenaRef answer_memory_;       // what the lines of the answer are in
  Headers trailers_;
  std::optional<Error> body_failure_;
  RequestPlace place_;
  const MemoryPromise claim_;
  wire::H2BodySender sender_;
  wire::BodyProgress progress_;
  io::Event received_;
  io::Event tunnel_changed_;
  io::Wakeup tunnel_over_;   // of a stream that was closed before its tunnel
  net::Time waits_since_{};  // for content
  net::Time stalled_since_;
  net::Time tunnel_activity_{};    // when a tunnel last read or wrote
  std::uint64_t sent_before_ = 0;  // what had been sent when stalled_since_ was set
  RequestBody* body_ = nullptr;    // owned by whoever has the request
  H2Exchange** self_ = nullptr;    // how a request that somebody keeps finds this; in the arena
  Method method_;
  int tunnel_ends_ = 0;
  bool begun_ = false;
  bool waits_for_body_ = false;
  bool trailers_taken_ = false;
  bool expects_continue_ = false;
  bool continue_sent_ = false;
  bool answered_ = false;  // the final head was given to the stream
  bool is_connect_ = false;
  bool is_call_ = false;  // gRPC
  bool gave_up_ = false;
  task<void> up_;
  task<void> down_;
  RootTask<H2Exchange> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
