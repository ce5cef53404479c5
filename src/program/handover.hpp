// SPDX-License-Identifier: Apache-2.0
//
// Handover is the state that a process passes to the process that replaces it. This header also
// defines the messages between the two: JSON objects over a ProcessChannel. Unknown keys are
// ignored so that different releases understand each other; kProtocol changes when they would not.
//
//   new: {"hello": 1, "version": "1.4.0"}
//   old: {"generation": 2, "ticket_keys": true, "sockets": [{"use": "service", ...}, ...],
//         "draining": 1, "counts": 1, "more": false}  with a descriptor per socket and drainer
//        ...                                  the ticket keys as raw bytes, if there are any
//        ...                                  the counts, in as many pieces as "counts" says
//   new: {"ready": true}, or {"failed": "WHY"} from here on
//   old: {"go": true}
//   new: {"serving": true}
//
// Then the old process drains. Until it ends, it obeys orders and reports its progress:
//
//   new: {"report": true}, {"stop": true}, {"reopen": true}
//   old: {"requests": 3, "connections": 5, "milliseconds": 900, "counts": 1}
//        ...                                  after each "report" and before its end, followed by
//                                             the pieces of its counts
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>

#include "io/file_descriptor.hpp"
#include "program/process_channel.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::program {

struct HandedSocket {
  // The owner of the socket: the proxy, the admin pages for browsers, or those for commands.
  enum class Use : std::uint8_t { service, admin, commands };

  Use use = Use::service;
  std::string name = {};       // from the service manager; "" if the old process opened it
  std::string requested = {};  // see Server::OpenSocket
  io::FileDescriptor socket = {};
};

// Returns duplicates of the sockets of `server`.
std::vector<HandedSocket> handed_sockets(const Server& server, HandedSocket::Use use);
// Returns the sockets in `handed` with this use, for Server::Options. They refer to `handed`.
std::vector<Server::OpenSocket> open_sockets(std::span<const HandedSocket> handed,
                                             HandedSocket::Use use);

// SecretText is a text, such as keys, that is overwritten when it is no longer needed.
class SecretText {
 public:
  SecretText() = default;
  SecretText(std::string text) noexcept : text_(std::move(text)) {}  // NOLINT: a text is one
  SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)) { other.clear(); }
  SecretText& operator=(SecretText&& other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { clear(); }

  const std::string& text() const noexcept { return text_; }
  void clear() noexcept;

 private:
  std::string text_;
};

struct Handover {
  static constexpr int kProtocol = 1;

  std::uint64_t generation = 1;  // of the new process; the first process is 1
  SecretText ticket_keys = {};   // see Server::ticket_keys()
  std::vector<HandedSocket> sockets = {};
  // The channels to earlier processes that still drain, oldest first.
  std::vector<ProcessChannel> draining = {};
  std::string counts = {};  // of those that have ended, as observe::MetricCounts::text()
};

// The other messages.
struct Hello {
  int protocol = 0;
  std::string version = {};
};
struct Progress {
  std::uint64_t requests = 0, connections = 0;  // in progress, and open
  std::chrono::milliseconds left{0};            // until it aborts the requests
  std::string counts = {};                      // its own, as observe::MetricCounts::text()
};
enum class Order : std::uint8_t { report, stop, reopen };

// Each sends one message. Errors: those of ProcessChannel::send().
Result<void> send(const ProcessChannel& to, const Hello& hello);
Result<void> send(const ProcessChannel& to, const Handover& handover);
Result<void> send(const ProcessChannel& to, const Progress& progress);
Result<void> send(const ProcessChannel& to, Order order);
Result<void> send_ready(const ProcessChannel& to);
Result<void> send_failed(const ProcessChannel& to, std::string_view why);
Result<void> send_go(const ProcessChannel& to);
Result<void> send_serving(const ProcessChannel& to);

// Each waits up to `patience` for one message of its kind. Errors: Errc::timed_out; Errc::closed if
// the other process has ended; otherwise the detail describes the message that was received
// instead.
using Patience = ProcessChannel::Duration;
Result<Hello> receive_hello(const ProcessChannel& from, Patience patience);
Result<Handover> receive_handover(const ProcessChannel& from, Patience patience);
// If the other process called send_failed(), the error has its text.
Result<void> receive_ready(const ProcessChannel& from, Patience patience);
Result<void> receive_go(const ProcessChannel& from, Patience patience);
Result<void> receive_serving(const ProcessChannel& from, Patience patience);
// Returns the newest report if several have arrived.
Result<Progress> receive_progress(const ProcessChannel& from, Patience patience);
// Returns std::nullopt for an order of a later release.
Result<std::optional<Order>> receive_order(const ProcessChannel& from, Patience patience);

}  // namespace onehop::program
