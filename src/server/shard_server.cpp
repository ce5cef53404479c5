// SPDX-License-Identifier: Apache-2.0
#include "server/shard_server.hpp"

#include "base/exception_text.hpp"
#include "base/held_memory.hpp"
#include "base/memory_note.hpp"
#include "base/promised_memory.hpp"
#include "server/accept_loop.hpp"
#include "server/exchange_log.hpp"
#include "server/h1_connection.hpp"
#include "server/h2_connection.hpp"
#include "server/log_text.hpp"
#include "server/tls_handshake.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>
#include <string>

#include <sys/resource.h>

namespace onehop::server {
namespace {

// While draining, a tunnel without a byte for so long is of no use to anybody.
constexpr net::Duration kTunnelSilence = std::chrono::seconds(5);

h1::Limits limits_of(const Server::Options& options) {
  h1::Limits limits;
  limits.max_start_line = h1::bounded(options.max_request_line);
  limits.max_header_bytes = h1::bounded(options.max_header_bytes);
  limits.max_header_fields = options.max_header_fields;
  return limits;
}

h2::SessionLimits h2_limits_of(const Server::Options& options) {
  static constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
  const auto bounded = [](std::size_t value, std::size_t least) {
    return static_cast<std::uint32_t>(std::clamp(value, least, kMost));
  };
  h2::SessionLimits limits;
  limits.max_streams = bounded(options.max_streams, 1);
  // Less than what the protocol begins with cannot be enforced before the peer has heard of it.
  limits.stream_window = bounded(options.stream_window, 1024);
  limits.connection_window = bounded(options.connection_window, 65'535);
  limits.fields.max_start_line = h1::bounded(options.max_request_line);
  limits.fields.max_bytes = h1::bounded(options.max_header_bytes);
  limits.fields.max_fields = options.max_header_fields;
  return limits;
}

// A connection of a client may need one to the upstream; some descriptors are for the rest.
std::size_t default_connection_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  return std::max<std::size_t>(1, limit.rlim_cur / 10 * 8);
}

}  // namespace

void Common::set_limits() {
  max_connections = options.max_client_connections;
  if (max_connections == 0) max_connections = default_connection_limit();
  if (options.max_connections_per_client != 0 || options.max_requests_per_client != 0) {
    client_limit.emplace(options.max_connections_per_client, options.max_requests_per_client);
  }
  const std::size_t most =
      options.max_memory == 0 ? default_memory_ceiling() : std::size_t{options.max_memory};
  memory.set(most, [this](LogLevel level, std::string_view text) { log(level, text); });
}

Result<void> Common::prepare_tls() {
  if (!options.tls) return {};
  net::TlsProtocols protocols;
  if (options.http2) protocols.emplace_back("h2");
  protocols.emplace_back("http/1.1");
  auto loaded = TlsCertificates::load(
      *options.tls, protocols, [this](LogLevel level, std::string_view text) { log(level, text); });
  if (!loaded) return failure(loaded.error());
  tls = std::move(*loaded);
  return {};
}

void Common::log(LogLevel level, std::string_view text) const {
  std::string why;
  if (options.log) {
    try {
      return options.log(level, text);
    } catch (...) {  // the line is worth more than the order in the log
      why = " (the log threw: " + exception_text() + ")";
    }
  } else if (level < LogLevel::warning) {
    return;
  }
  std::string line;
  append_log_line(line, level, std::string(text) + why, std::chrono::system_clock::now());
  default_log.add(line);
}

void Common::log_limited(LineLimit& limit, io::Time now, std::string text) const {
  const auto untold = limit.admit(now);
  if (untold) text += and_untold(*untold);
  log(untold ? LogLevel::warning : LogLevel::info, text);
}

ShardServer::ShardServer(io::Reactor& reactor,
                         std::shared_ptr<Common> common,
                         std::shared_ptr<const Handler> handler)
    : reactor_(reactor),
      common_(std::move(common)),
      handler_(std::move(handler)),
      limits_(limits_of(common_->options)),
      h2_limits_(h2_limits_of(common_->options)),
      head_limit_(
          std::max(limits_.max_start_line + limits_.max_header_bytes, io::BufferPool::kSize)),
      parsers_(h1::HeadKind::request, limits_),
      deadline_(&ShardServer::on_deadline, this),
      tunnel_timer_(&ShardServer::on_tunnel_timer, this),
      memory_note_(&ShardServer::on_memory_note, this) {
  const auto reached = [](void* self) noexcept {
    auto& shard = *static_cast<ShardServer*>(self);
    shard.reactor_.schedule(shard.memory_note_);
  };
  set_memory_ceiling(common_->memory.counted());
  report_promised_memory();  // without a ceiling the thread kept more room to spare
  set_memory_note(reached, this);
}

ShardServer::~ShardServer() {
  drained_ = {};
  cut();
  set_memory_note(nullptr, nullptr);
  set_memory_ceiling(kNoMemoryCeiling);
}

void ShardServer::listen() {
  for (std::size_t i = 0; i < common_->listeners.size(); ++i) {
    accept_loops_.push_back(std::make_unique<AcceptLoop>(
        *this, common_->listeners[i], common_->local_names[i], common_->is_with_tls(i)));
    accept_loops_.back()->start();
  }
}

void ShardServer::adopt(std::unique_ptr<net::Stream> stream, const Origin& origin, bool with_tls) {
  if (with_tls) {
    begin(std::make_unique<TlsHandshake>(*this, tls()->current(), std::move(stream), origin));
  } else {
    start_connection(std::move(stream), origin);
  }
}

void ShardServer::start_connection(std::unique_ptr<net::Stream> stream, const Origin& origin) {
  const TlsInfo* const tls = stream->tls();
  // It may begin even while memory is short: its handshake was promised more than it needs.
  if (tls != nullptr && tls->protocol == "h2") {
    begin(std::make_unique<H2Connection>(*this, std::move(stream), origin));
  } else {
    begin(std::make_unique<H1Connection>(*this, std::move(stream), origin));
  }
}

void ShardServer::continue_as_http2(HttpConnection& before, std::string_view early) {
  begin(std::make_unique<H2Connection>(before, early));
}

void ShardServer::begin(std::unique_ptr<ClientConnection> connection) {
  // Deletes itself through the list of what is ready, when it has ended.
  ClientConnection& begun = *connection.release();
  connections_.push_back(begun);
  begun.start();
}

ClientConnection::ClientConnection(ShardServer& shard) noexcept : shard_(shard) {
  shard_.common().connections.fetch_add(1, std::memory_order_relaxed);
}

ClientConnection::~ClientConnection() {
  shard_.connection_ended(*this);
}

void ShardServer::connection_ended(ClientConnection& connection) noexcept {
  static_cast<ListNode&>(connection).unlink();
  common_->connections.fetch_sub(1, std::memory_order_relaxed);
  check_drained();
}

void ShardServer::drain(net::Time deadline, std::function<void()> done) {
  if (!is_draining()) {
    drain_state_.began = reactor_.now();
    drained_ = std::move(done);
    for (auto& loop : accept_loops_)
      loop->finish();
    IntrusiveList<ClientConnection> all;
    all.splice_back(connections_);
    while (ClientConnection* connection = all.pop_front()) {
      connections_.push_back(*connection);
      connection->end_when_idle();
    }
    end_silent_tunnels();
  }
  if (!deadline_.is_armed() || deadline < deadline_.deadline()) {
    reactor_.timers().arm(deadline_, deadline);
  }
  check_drained();
}

TunnelWatch::TunnelWatch(ShardServer& shard,
                         const io::Time& last_activity,
                         void (*on_silence)(void* owner),
                         void* owner)
    : last_activity_(last_activity), end_(on_silence), owner_(owner) {
  shard.tunnel_began(*this);
}

void ShardServer::tunnel_began(TunnelWatch& tunnel) {
  tunnels_.push_back(tunnel);
  if (is_draining()) end_silent_tunnels();
}

void ShardServer::end_silent_tunnels() {
  const net::Time now = reactor_.now();
  net::Time next = io::kNever;
  IntrusiveList<TunnelWatch> all;
  all.splice_back(tunnels_);
  while (TunnelWatch* tunnel = all.pop_front()) {
    tunnels_.push_back(*tunnel);
    const net::Time due = tunnel->last_activity() + kTunnelSilence;
    if (due <= now) {
      try {
        tunnel->end();
      } catch (const std::bad_alloc&) {  // the deadline of the drain ends it
      }
    } else {
      next = std::min(next, due);
    }
  }
  if (next != io::kNever) reactor_.timers().arm(tunnel_timer_, next);
}

void ShardServer::on_tunnel_timer(void* self) {
  static_cast<ShardServer*>(self)->end_silent_tunnels();
}

void ShardServer::on_deadline(void* self) {
  static_cast<ShardServer*>(self)->cut();
}

// The log hears of it even if nobody new comes.
void ShardServer::on_memory_note(void* self) {
  (void)static_cast<ShardServer*>(self)->is_overloaded();
}

void ShardServer::cut() {
  while (!connections_.empty()) {
    was_cut_ = true;
    delete &connections_.front();
  }
}

void ShardServer::check_drained() {
  if (!is_draining() || !connections_.empty() || !drained_) return;
  deadline_.disarm();
  const auto done = std::move(drained_);
  drained_ = {};
  done();
}

std::string_view ShardServer::date() {
  const std::int64_t second = ::time(nullptr);
  if (second != date_second_) {
    date_second_ = second;
    date_ = ImfDate(second);
  }
  return date_.text();
}

Response ShardServer::turn_away(const Request& request, Exchange& record, Errc why) {
  if (why == Errc::overloaded) common_->memory.note_refusal();
  Error error(why, why == Errc::overloaded ? Side::local : Side::client);
  note_failure(record, error.during(Phase::head));
  return answer_to_refusal(request.headers(), error);
}

// What the client asked for does not work, and nothing else would say why.
void ShardServer::note_dropped_upgrade(const Exchange& exchange) noexcept {
  try {
    std::string line = "dropped an upgrade that is not among those to pass on: peer=";
    append_log_value(line, exchange.peer);
    line += " request=";
    append_request_line(line, exchange);
    line += " upgrade=";
    append_log_value(line, exchange.upgrade);
    common_->log_limited(common_->upgrade_lines, reactor_.now(), std::move(line));
  } catch (...) {  // no memory: it was a line of the log
  }
}

void ShardServer::exchange_ended(const Exchange& exchange) noexcept {
  try {
    note_end(exchange);
  } catch (...) {  // no memory: it was a line of the log
  }
}

void ShardServer::note_end(const Exchange& exchange) {
  if (exchange.upgrade_dropped) note_dropped_upgrade(exchange);
  if (common_->options.on_exchange_end) {
    try {
      common_->options.on_exchange_end(exchange);
    } catch (...) {
      common_->log(LogLevel::error, "on_exchange_end threw: " + exception_text());
    }
  } else if (exchange.failure && exchange.failure->side() != Side::client &&
             !exchange.failure->is(Errc::overloaded)) {  // which was said once for all
    common_->log(LogLevel::warning, describe_failure(exchange));
  }
}

}  // namespace onehop::server
