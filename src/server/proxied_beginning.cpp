// SPDX-License-Identifier: Apache-2.0
#include "server/proxied_beginning.hpp"

#include "server/log_text.hpp"
#include "server/worker_context.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

constexpr std::size_t kMaxSize = net::ProxyHeader::kMaxSize;

constexpr std::string_view kEnded = "the connection ended";

}  // namespace

ProxiedBeginning::ProxiedBeginning(WorkerContext& worker,
                                   std::unique_ptr<net::Stream> stream,
                                   const AcceptedFrom& from,
                                   std::optional<TlsTerms> tls)
    : ClientConnection(worker, from.listener),
      stream_(std::move(stream)),
      from_(from),
      tls_(std::move(tls)),
      begun_(stream_->reactor().now()),
      ended_(io::call<&ProxiedBeginning::on_ended>(this)) {}

ProxiedBeginning::~ProxiedBeginning() {
  running_ = {};
}

// Runs outside run(), which is destroyed here with the stream it uses.
void ProxiedBeginning::on_ended() {
  WorkerContext::Owner& worker = worker_.owner();
  try {
    if (is_admitted_) {
      worker.adopt(std::move(stream_), from_, std::move(tls_));
    }
  } catch (const std::bad_alloc&) {  // this connection is lost, not the event loop
  }
  worker.connection_ended(*this);
}

void ProxiedBeginning::start() {
  running_ = run();
  running_.start();
}

void ProxiedBeginning::end_when_idle() noexcept {
  if (worker_.is_draining()) stream_->interrupt_reader();
}

void ProxiedBeginning::on_exception() noexcept {
  is_admitted_ = false;
  worker_.reactor().schedule(ended_);
}

net::Time ProxiedBeginning::deadline() const noexcept {
  const net::Time last =
      io::deadline_after(begun_, worker_.configuration()->options().header_timeout);
  if (!worker_.is_draining()) return last;
  return std::min(last, worker_.drain_state().end_of_opening(begun_, filled_ > 0));
}

RootTask<ProxiedBeginning> ProxiedBeginning::run() {
  while (take_input() == Progress::waits) {
    const net::Time end = deadline();
    if (stream_->reactor().now() >= end) {
      if (!worker_.is_draining()) refuse("it did not arrive in time");
      break;
    }
    co_await stream_->readable(end);
  }
  worker_.reactor().schedule(ended_);
}

// Reads the bytes that have arrived, up to the end of the header.
ProxiedBeginning::Progress ProxiedBeginning::take_input() {
  for (;;) {
    auto beginning = net::read_proxy_header(std::string_view(input_.data(), filled_));
    if (!beginning) {
      refuse(beginning.error().detail());
      return Progress::failed;
    }
    if (beginning->complete) {
      admit_client(*beginning->complete);
      return Progress::has_header;
    }
    input_.resize(beginning->size);
    promise_ = MemoryPromise(kMaxSize - std::min(kMaxSize, input_.capacity()));
    const net::IoResult got = stream_->try_read(input_.data() + filled_, input_.size() - filled_);
    if (got.is_wait()) return Progress::waits;
    if (!got.has_bytes()) {
      refuse(kEnded);
      return Progress::failed;
    }
    filled_ += got.count();
  }
}

// From here on, the connection is that of the client which the header names or, if it names none,
// of its real peer.
void ProxiedBeginning::admit_client(const net::ProxyHeader& header) {
  if (header.ends) {
    from_.peer = header.ends->client;
    from_.is_named = true;
  }
  auto ticket = worker_.admission().enter(from_.peer, worker_.configuration()->trusted());
  if (!ticket) return worker_.refuse_client(from_.peer);
  from_.ticket = std::move(*ticket);
  is_admitted_ = true;
}

void ProxiedBeginning::refuse(std::string_view why) {
  std::string line = "no PROXY header: peer=";
  append_log_value(line, from_.peer.to_string());
  line += " listener=";
  append_log_value(line, listener_->name());
  line += " failure=\"";
  append_escaped(line, why);
  line += '"';
  if (filled_ == 0 && why == kEnded) {  // a probe for an open port
    return worker_.shared().log(LogLevel::info, line);
  }
  worker_.counters().count(Refusal::proxy_header);
  worker_.log_limited(worker_.shared().proxy_header_lines, std::move(line));
}

}  // namespace onehop::server
