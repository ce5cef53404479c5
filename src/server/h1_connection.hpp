// SPDX-License-Identifier: Apache-2.0
//
// H1Connection: an HTTP/1 connection of a client: one coroutine that waits for a request, serves
// it, and waits for the next. One that begins with the preface of HTTP/2 is handed on. An idle one
// holds no buffer and no frame but its own. Thread: owner.
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
  // Ends the wait for a next request, and soon that for a first one; if the server drains, soon
  // that for the rest of a head or for a client that goes on sending after its last response, too.
  // A request in progress is not touched.
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
  // The current exception. Not inlined: see serve_one().
  [[gnu::noinline]] void log_exception() const;

  // In the padding of the base class.
  bool idle_ = false;        // no request is in progress: a drain may interrupt the wait
  bool first_ = true;        // no request was served yet
  std::uint8_t served_ = 0;  // calls of serve_one()
  const net::Time begun_;
  wire::ReadBuffer input_;
  RootTask<H1Connection> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
