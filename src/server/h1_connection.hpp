// SPDX-License-Identifier: Apache-2.0
//
// H1Connection is an HTTP/1 connection of a client. Its one coroutine waits for a request, serves
// it, and waits for the next. A connection that begins with the preface of HTTP/2 is handed on. An
// idle connection holds no buffer and, besides its own, no coroutine frame.
// Thread: owner.
#pragma once

#include "base/root_task.hpp"
#include "server/h1_exchange.hpp"
#include "server/http_connection.hpp"
#include "wire/read_buffer.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace onehop::server {

class H1Connection final : public HttpConnection {
 public:
  H1Connection(WorkerContext& worker,
               std::unique_ptr<net::Stream> stream,
               const AcceptedFrom& from);
  ~H1Connection() override;

  void start() override;
  // Ends the wait for a next request at once, and the wait for a first one within 1 s. If the
  // server drains, also ends the wait for the rest of a head, within 5 s, and lingering, within
  // 2 s. A request in progress continues.
  void end_when_idle() noexcept override;

 private:
  friend class RootTask<H1Connection>;
  RootTask<H1Connection> run();
  void on_exception() noexcept;
  // Not inlined: clang would make its frame part of that of run(), which idle connections keep.
  [[gnu::noinline]] task<std::optional<Next>> serve_one();
  [[gnu::noinline]] Next hand_on();
  net::Time end_of_first() const noexcept;
  bool may_begin_first() const noexcept;
  bool begins_http2() const noexcept;
  bool may_go_on(const Result<void>& read, net::Time began) const;
  net::Time end_of_idleness() const noexcept;
  net::Time end_of_head(net::Time began) const noexcept;
  // Logs the current exception. Not inlined: see serve_one().
  [[gnu::noinline]] void log_exception() const;

  // These members lie in the padding of the base class.
  bool idle_ = false;        // no request is in progress: a drain may interrupt the wait
  bool first_ = true;        // no request has been served
  std::uint8_t served_ = 0;  // calls of serve_one(), modulo 256
  const net::Time begun_;
  wire::ReadBuffer input_;
  RootTask<H1Connection> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
