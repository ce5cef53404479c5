// SPDX-License-Identifier: Apache-2.0
#include "server/worker.hpp"

#include "base/check.hpp"
#include "base/held_memory.hpp"
#include "base/memory_callback.hpp"
#include "base/promised_memory.hpp"
#include "server/accept_loop.hpp"
#include "server/h1_connection.hpp"
#include "server/h2_connection.hpp"
#include "server/proxied_beginning.hpp"
#include "server/tls_handshake.hpp"

#include <optional>
#include <utility>

namespace onehop::server {
Worker::Worker(io::Reactor& reactor,
               std::shared_ptr<ServerShared> shared,
               std::shared_ptr<const Handler> handler)
    : context_(reactor, std::move(shared), std::move(handler), *this),
      deadline_(io::call<&Worker::cut>(this)),
      memory_note_(io::call<&Worker::on_memory_note>(this)) {
  const auto reached = [](void* self) noexcept {
    auto& worker = *static_cast<Worker*>(self);
    worker.context_.reactor().schedule(worker.memory_note_);
  };
  set_memory_ceiling(context_.admission().memory_limit());
  report_promised_memory();  // the thread had more slack without a ceiling
  set_memory_callback(reached, this);
}

Worker::~Worker() {
  drained_ = {};
  cut();
  set_memory_callback(nullptr, nullptr);
  set_memory_ceiling(kNoMemoryCeiling);
}

void Worker::listen() {
  for (const OpenListener& one : context_.shared().settings.listeners) {
    accept_loops_.push_back(std::make_unique<AcceptLoop>(context_, one));
  }
}

void Worker::accept() noexcept {
  ONEHOP_DCHECK(is_on_its_thread());
  if (std::exchange(accepts_, true)) return;
  for (const auto& loop : accept_loops_) {
    loop->put_in_use(context_.configuration()->options().defer_accept);
    loop->start();
  }
}

void Worker::follow_memory_limit() noexcept {
  ONEHOP_DCHECK(is_on_its_thread());
  set_memory_ceiling(context_.admission().memory_limit());
}

void Worker::prepare(const Settings& next, const Server::HandlerFactory& factory) {
  ONEHOP_DCHECK(is_on_its_thread());
  update_ = std::make_unique<WorkerUpdate>(context_, next, factory);
  std::erase_if(leaving_loops_, [](const auto& loop) { return loop->is_done(); });
  leaving_loops_.reserve(leaving_loops_.size() + accept_loops_.size());  // for change_listeners()
}

void Worker::discard() noexcept {
  update_.reset();
}

// Changes the listeners before the certificates: the loops of removed listeners still need the TLS
// terms of the old ones.
void Worker::commit() noexcept {
  ONEHOP_DCHECK(is_on_its_thread());
  const std::unique_ptr<WorkerUpdate> update = std::move(update_);
  if (!update) return;
  context_.configure(update->take_configuration());
  if (!context_.is_draining()) change_listeners(*update);
  context_.set_tls(update->take_tls());
  set_memory_ceiling(context_.admission().memory_limit());
  connections_.for_each([](ClientConnection& connection) {
    connection.on_configured();
    if (connection.listener().is_removed()) connection.end_when_idle();
  });
}

void Worker::change_listeners(WorkerUpdate& update) noexcept {
  for (auto& loop : accept_loops_) {
    if (update.keep(loop)) continue;
    leaving_loops_.push_back(std::move(loop));
    leaving_loops_.back()->leave();
  }
  update.configure_loops();
  accept_loops_.swap(update.accept_loops());
  for (auto& loop : accept_loops_) {
    ONEHOP_DCHECK(loop != nullptr);  // every worker accepts from every listener
    loop->start();
  }
}

void Worker::adopt(std::unique_ptr<net::Stream> stream, const AcceptedFrom& from, bool with_tls) {
  auto tls = with_tls ? std::optional(context_.tls()->terms()) : std::optional<TlsTerms>();
  const auto& proxies = context_.shared().settings.proxies;
  if (proxies && proxies->includes(from.peer.ip())) {
    return adopt_proxied(std::move(stream), from, std::move(tls));
  }
  adopt(std::move(stream), from, std::move(tls));
}

void Worker::adopt(std::unique_ptr<net::Stream> stream,
                   const AcceptedFrom& from,
                   std::optional<TlsTerms> tls) {
  if (tls) {
    begin(std::make_unique<TlsHandshake>(context_, std::move(*tls), std::move(stream), from));
  } else {
    start_connection(std::move(stream), from);
  }
}

void Worker::adopt_proxied(std::unique_ptr<net::Stream> stream,
                           const AcceptedFrom& from,
                           std::optional<TlsTerms> tls) {
  begin(std::make_unique<ProxiedBeginning>(context_, std::move(stream), from, std::move(tls)));
}

void Worker::start_connection(std::unique_ptr<net::Stream> stream, const AcceptedFrom& from) {
  const TlsInfo* const tls = stream->tls();
  // It may begin even if memory is short: its handshake was promised more than it needs.
  if (tls != nullptr && tls->protocol == "h2") {
    begin(std::make_unique<H2Connection>(context_, std::move(stream), from));
  } else {
    begin(std::make_unique<H1Connection>(context_, std::move(stream), from));
  }
}

void Worker::continue_as_http2(HttpConnection& before, std::string_view early) {
  begin(std::make_unique<H2Connection>(before, early));
}

// A connection that cannot start, for want of memory, would never end either, so it is removed.
void Worker::begin(std::unique_ptr<ClientConnection> connection) {
  ONEHOP_DCHECK(is_on_its_thread());
  ClientConnection& begun = connections_.add(std::move(connection));
  try {
    begun.start();
  } catch (...) {
    connections_.take(begun);
    throw;
  }
}

void Worker::connection_ended(ClientConnection& connection) noexcept {
  ONEHOP_DCHECK(is_on_its_thread());
  connections_.take(connection);
  check_drained();
}

void Worker::drain(net::Time deadline, std::function<void()> done) {
  ONEHOP_DCHECK(is_on_its_thread());
  if (!context_.is_draining()) {
    context_.drain_state().began = context_.reactor().now();
    drained_ = std::move(done);
    if (!accepts_) accept_loops_.clear();  // another process may accept the queued connections
    for (auto* const loops : {&accept_loops_, &leaving_loops_}) {
      for (auto& loop : *loops)
        loop->finish();
    }
    connections_.for_each([](ClientConnection& connection) { connection.end_when_idle(); });
    context_.tunnels().end_silent();
  }
  if (!deadline_.is_armed() || deadline < deadline_.deadline()) {
    context_.reactor().timers().arm(deadline_, deadline);
  }
  check_drained();
}

// Logs that the memory limit is reached even if no client connects.
void Worker::on_memory_note() {
  (void)context_.admission().is_overloaded(context_.reactor().now());
  if (context_.admission().memory_lines().has_suppressed()) context_.on_line_left_out();
}

void Worker::cut() {
  while (!connections_.empty()) {
    context_.count_cut();
    connections_.take(connections_.front());
  }
  check_drained();
}

void Worker::check_drained() {
  if (!context_.is_draining() || !connections_.empty() || !drained_) return;
  deadline_.disarm();
  context_.log_suppressed(std::nullopt);
  const auto done = std::move(drained_);
  drained_ = {};
  done();
}

}  // namespace onehop::server
