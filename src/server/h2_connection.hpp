// SPDX-License-Identifier: Apache-2.0
//
// H2Connection is an HTTP/2 connection of a client: a coroutine that reads, a Session that
// interprets the frames, and an H2Exchange for each request, which the connection owns. Everything
// that they send in one pass of the reactor goes out in one write. The Worker owns the connection.
// Thread: owner.
#pragma once

#include "base/owning_list.hpp"
#include "base/promised_memory.hpp"
#include "base/root_task.hpp"
#include "http/h2/session.hpp"
#include "io/event.hpp"
#include "server/http_connection.hpp"
#include "server/worker_context.hpp"
#include "wire/h2_link.hpp"

#include <string>
#include <string_view>

namespace onehop::server {

class H2Connection final : public HttpConnection, private h2::SessionObserver {
 public:
  // Takes over a connection that began with the preface. `early`: the bytes received so far.
  H2Connection(HttpConnection& before, std::string_view early);
  // For a connection for which ALPN has chosen HTTP/2.
  H2Connection(WorkerContext& worker,
               std::unique_ptr<net::Stream> stream,
               const AcceptedFrom& from);
  ~H2Connection() override;

  void start() override;
  void end_when_idle() noexcept override;
  // Sends a changed max_streams to the client at once.
  void on_configured() noexcept override;

 private:
  class Request;  // one in progress

  h2::Stream* on_request() override;
  void on_stream_refused() override { worker_.counters().count_refused_stream(); }
  void on_settings() override { greeted_ = true; }
  void on_ping_answered() override;

  friend class RootTask<H2Connection>;
  RootTask<H2Connection> run();
  void on_exception() noexcept { end(); }
  // Returns false if the connection has nothing more to wait for.
  bool go_on_after(net::Wait wait);
  net::Time deadline() const noexcept;
  void begin_end();
  void finish_end();
  task<void> send_goaway();
  void request_over(Request& request) noexcept;
  void drop_requests();
  task<void> finish_requests();
  void on_flushed();
  void on_watch();
  void on_no_memory() noexcept { link_.give_up(); }
  void watch();
  bool has_vanished(net::Time now);

  h2::Session session_{h2::Role::server, worker_.configuration()->h2_limits(), *this};
  wire::H2Link link_{*stream_, session_, Side::client,
                     worker_.configuration()->options().write_timeout,
                     io::call<&H2Connection::on_flushed>(this)};
  std::string early_;
  OwningList<Request> requests_;
  net::Time idle_since_ = stream_->reactor().now();  // the start, or the end of the last request
  io::Event request_ended_{stream_->reactor()};
  net::Time end_announced_{};
  io::Timer watch_{io::call_or<&H2Connection::on_watch, &H2Connection::on_no_memory>(this)};
  net::Time asked_{};       // when the last PING was sent
  unsigned pings_out_ = 0;  // PINGs that are not acknowledged yet
  enum class Reading : std::uint8_t { open, over, vanished } reading_ = Reading::open;
  bool greeted_ = false;
  // Promised for output that the client has not read, while there are requests.
  MemoryPromise output_claim_;
  enum class End : std::uint8_t { no, announced, said } end_ = End::no;
  RootTask<H2Connection> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
