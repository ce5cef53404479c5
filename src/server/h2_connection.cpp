// SPDX-License-Identifier: Apache-2.0
#include "server/h2_connection.hpp"

#include "base/check.hpp"
#include "io/yield.hpp"
#include "server/h2_exchange.hpp"
#include "server/linger.hpp"
#include "server/worker_context.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace onehop::server {
namespace {

// How long the second GOAWAY waits for the client to acknowledge the PING after the first.
constexpr net::Duration kEndPatience = std::chrono::seconds(1);
// The time to send the last frames, for a client that does not read them.
constexpr net::Duration kGoodbye = std::chrono::seconds(1);
// While requests are in progress, the reader looks at the clock no more often than this.
constexpr net::Duration kMinBusyWait = std::chrono::seconds(1);
// With requests in progress, a client that has sent nothing for kSilence gets a PING. It has
// vanished if it then sends nothing for kPingPatience.
constexpr net::Duration kSilence = std::chrono::seconds(60);
constexpr net::Duration kPingPatience = std::chrono::seconds(20);
// The longest time between two looks at the requests during a drain.
constexpr net::Duration kWatchOfDrain = std::chrono::seconds(1);

}  // namespace

class H2Connection::Request final : public ListNode,
                                    public detail::InFramePool,
                                    private H2Exchange::Owner {
 public:
  explicit Request(H2Connection& connection)
      : connection_(connection), exchange(connection.worker_, connection, connection.link_, *this) {
    connection_.worker_.counters().http2.streams.add(1);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() { connection_.worker_.counters().http2.streams_ended.add(1); }

 private:
  void exchange_ended() noexcept override { connection_.request_over(*this); }
  void head_timed_out() override {
    connection_.session_.terminate(h2::ErrorCode::enhance_your_calm);
  }

  H2Connection& connection_;

 public:
  H2Exchange exchange;
};

H2Connection::H2Connection(WorkerContext& worker,
                           std::unique_ptr<net::Stream> stream,
                           const AcceptedFrom& from)
    : HttpConnection(worker, std::move(stream), from) {
  info_.version = Version::http_2;
}

H2Connection::H2Connection(HttpConnection& before, std::string_view early)
    : HttpConnection(before), early_(early) {
  info_.version = Version::http_2;
}

H2Connection::~H2Connection() {
  running_ = {};
  while (!requests_.empty())
    requests_.take(requests_.front());
}

void H2Connection::start() {
  running_ = run();
  running_.start();
}

void H2Connection::end_when_idle() noexcept {
  begin_end();
  if (watch_.is_armed()) watch();  // a drain shortens deadlines
  link_.flush_soon();
  stream_->interrupt_reader();  // its deadline has changed
}

void H2Connection::on_configured() noexcept {
  HttpConnection::on_configured();
  link_.set_write_stall(worker_.configuration()->options().write_timeout);
  const std::uint32_t max = worker_.configuration()->h2_limits().max_streams;
  if (end_ == End::said || !session_.set_max_streams(max)) return;
  link_.flush_soon();
}

// --- reading -----------------------------------------------------------------------------------

RootTask<H2Connection> H2Connection::run() {
  using Step = wire::H2Link::Step;
  bool goes_on = link_.receive(std::exchange(early_, {}));
  if (is_ending()) begin_end();
  while (goes_on) {
    const Step step = link_.read();
    if (step == Step::over) break;
    if (step == Step::yield) {
      co_await io::yield(stream_->reactor());
      continue;
    }
    const net::Wait wait = co_await stream_->readable(deadline());
    goes_on = go_on_after(wait);
  }
  if (session_.found_flood()) worker_.counters().http2.floods.add(1);
  if (reading_ == Reading::open) reading_ = Reading::over;
  if (reading_ == Reading::over) {
    if (!link_.is_broken() && !link_.has_peer_gone()) co_await send_goaway();
    drop_requests();
    co_await finish_requests();
  }
  end();
}

// Drops the requests, since their responses cannot reach the client any more. Only a request whose
// content has arrived whole and is on its way to the backend continues: the others must not keep
// the backend busy while the client continues to send.
void H2Connection::drop_requests() {
  const bool is_client_gone = link_.is_broken() || link_.has_peer_gone();
  requests_.for_each([this, is_client_gone](Request& request) {
    const H2Exchange& exchange = request.exchange;
    const bool stays = is_client_gone ? exchange.outlives_client() : exchange.outlives_stream();
    if (!stays) request_over(request);
  });
}

void H2Connection::request_over(Request& request) noexcept {
  ONEHOP_DCHECK(request.is_linked());
  requests_.take(request);
  idle_since_ = stream_->reactor().now();
  request_ended_.set();
}

// Waits for the remaining requests. After a GOAWAY of the client, the connection ends with its last
// stream, but a backend may be slow to read content that came before.
task<void> H2Connection::finish_requests() {
  while (!requests_.empty())
    co_await request_ended_.wait();
}

net::Time H2Connection::deadline() const noexcept {
  if (end_ == End::announced) return end_announced_ + kEndPatience;
  // Output has a deadline of its own, and wakes the reader when it is complete.
  if (end_ == End::said) return io::kNever;
  if (!greeted_)
    return io::deadline_after(idle_since_, worker_.configuration()->options().header_timeout);
  const net::Duration idle_timeout = worker_.configuration()->options().idle_timeout;
  // A tunnel may outlive its stream.
  if (session_.streams() == 0 && requests_.empty()) {
    return io::deadline_after(idle_since_, idle_timeout);
  }
  // watch() handles stalled requests. The end of the last request does not wake the reader.
  return io::deadline_after(stream_->reactor().now(), std::max(idle_timeout, kMinBusyWait));
}

bool H2Connection::go_on_after(net::Wait wait) {
  if (reading_ == Reading::vanished || link_.is_broken() || session_.is_over()) return false;
  if (wait != net::Wait::timed_out || deadline() > stream_->reactor().now()) return true;
  if (!greeted_) {
    session_.terminate(h2::ErrorCode::settings_timeout);
    return false;
  }
  if (end_ == End::announced) {
    finish_end();
  } else if (end_ == End::no) {
    begin_end();
  }
  link_.flush_soon();
  return true;
}

h2::Stream* H2Connection::on_request() {
  if (!worker_.admission().has_room_for_request(stream_->reactor().now())) {
    worker_.counters().http2.refused.add(1);
    return nullptr;
  }
  if (!output_claim_.is_made()) {
    output_claim_ = MemoryPromise(h2::Session::kMinMemory * (info_.tls ? 2 : 1));
  }
  Request& request = requests_.add(std::make_unique<Request>(*this));
  if (!watch_.is_armed()) watch();
  return &request.exchange;
}

// --- the end -----------------------------------------------------------------------------------
// Two phases (RFC 9113 §6.8), so that no request in flight is lost. The acknowledgement of the PING
// shows that the client has read the first GOAWAY.

void H2Connection::begin_end() {
  if (end_ != End::no) return;
  worker_.counters().http2.goaways.add(1);
  end_ = End::announced;
  end_announced_ = stream_->reactor().now();
  session_.announce_end();
}

void H2Connection::finish_end() {
  if (end_ != End::announced) return;
  end_ = End::said;
  session_.end_after_streams();
}

void H2Connection::on_ping_answered() {
  if (pings_out_ > 0) {  // acknowledgements arrive in order
    --pings_out_;
  } else {
    finish_end();
  }
}

task<void> H2Connection::send_goaway() {
  co_await link_.drain(kGoodbye);
  session_.deliver_events();  // for streams that have ended with the connection
  drop_requests();
  co_await linger(*stream_, kLingerAfterResponse, worker_.drain_state());
}

void H2Connection::on_flushed() {
  if (session_.streams() > 0) return;
  output_claim_.redeem();
  if (end_ == End::said || session_.is_over()) {
    stream_->interrupt_reader();
  }
}

// --- requests that stall -----------------------------------------------------------------------

void H2Connection::watch() {
  const Server::Options& options = worker_.configuration()->options();
  const net::Duration shortest =
      std::min({options.write_timeout, options.body_timeout, options.header_timeout});
  const net::Duration period =
      std::clamp<net::Duration>(shortest / 4, std::chrono::milliseconds(10),
                                worker_.is_draining() ? kWatchOfDrain : std::chrono::seconds(15));
  worker_.reactor().timers().arm(watch_, worker_.reactor().now() + period);
}

// Reports whether the client has vanished: a client whose network is gone sends nothing. Sends no
// PING while bytes are unacknowledged: it would queue after them for a slow client, and the kernel
// detects a client that is gone.
bool H2Connection::has_vanished(net::Time now) {
  const net::Time heard = link_.last_read();
  if (asked_ > heard) return now - asked_ >= kPingPatience;
  if (now - heard < kSilence || end_ == End::announced) return false;
  if (stream_->unacknowledged() > 0) return false;
  asked_ = now;
  ++pings_out_;
  session_.ping();
  return false;
}

void H2Connection::on_watch() {
  if (requests_.empty()) return;
  const net::Time now = worker_.reactor().now();
  if (reading_ == Reading::open && has_vanished(now)) {
    reading_ = Reading::vanished;
    stream_->abort();
    stream_->interrupt_reader();
    return;
  }
  requests_.for_each([now](Request& request) { request.exchange.watch(now); });
  link_.flush_soon();
  watch();
}

}  // namespace onehop::server
