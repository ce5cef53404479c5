// SPDX-License-Identifier: Apache-2.0
//
// Handover: what a process passes to the one that replaces it, and the messages between the two.
// They are JSON objects over a ProcessChannel. Keys that one side does not know are ignored, so
// that two releases understand each other; kProtocol changes when they would not.
//
//   new: {"hello": 1, "version": "1.4.0"}
//   old: {"generation": 2, "ticket_keys": true, "sockets": [{"use": "service", ...}, ...],
//         "draining": 1, "more": false}       with a descriptor for each socket and drainer
//        ...                                  the ticket keys, as they are, if there are any
//        ...                                  as many pieces of text as the last "counts" said
//   new: {"ready": true}, or {"failed": "WHY"} from here on
//   old: {"go": true}
//   new: {"serving": true}
//
// Then the old one drains. Until it ends it obeys orders and reports its progress:
//
//   new: {"report": true}, {"stop": true}, {"reopen": true}
//   old: {"requests": 3, "connections": 5, "milliseconds": 900, "counts": 1}    after each
//   "report",
//        ...                                  and before its end, with pieces of its counts
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
  // Who listens with it: the proxy, the admin pages for browsers, or those for commands.
  enum class Use : std::uint8_t { service, admin, commands };

  Use use = Use::service;
  std::string name = {};       // that the service manager gave it; "": it came from the old process
  std::string requested = {};  // see Server::OpenSocket
  io::FileDescriptor socket = {};
};

// Those of `server`, as duplicates.
std::vector<HandedSocket> handed_sockets(const Server& server, HandedSocket::Use use);
// Those of `handed` with this use, for Server::Options. They refer to `handed`.
std::vector<Server::OpenSocket> open_sockets(std::span<const HandedSocket> handed,
                                             HandedSocket::Use use);

// A text that is overwritten when it is no longer needed, such as keys.
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

  std::uint64_t generation = 1;  // of the new process; the first one that was started is 1
  SecretText ticket_keys = {};   // see Server::ticket_keys()
  std::vector<HandedSocket> sockets = {};
  // Of earlier processes that still drain, oldest first.
  std::vector<ProcessChannel> draining = {};
  std::string counts = {};  // of those that have ended: observe::MetricCounts::text()
};

// The other messages.
struct Hello {
  int protocol = 0;
  std::string version = {};
};
struct Progress {
  std::uint64_t requests = 0, connections = 0;  // in progress, and open
  std::chrono::milliseconds left{0};            // until it cuts them
  std::string counts = {};                      // its own: observe::MetricCounts::text()
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

// Each waits for one message of its kind, for at most `patience`. Errors: Errc::timed_out,
// Errc::closed if the other process has ended; else the detail says what came instead.
using Patience = ProcessChannel::Duration;
Result<Hello> receive_hello(const ProcessChannel& from, Patience patience);
Result<Handover> receive_handover(const ProcessChannel& from, Patience patience);
// If send_failed() was called, the error has its text.
Result<void> receive_ready(const ProcessChannel& from, Patience patience);
Result<void> receive_go(const ProcessChannel& from, Patience patience);
Result<void> receive_serving(const ProcessChannel& from, Patience patience);
// The newest, if there are several.
Result<Progress> receive_progress(const ProcessChannel& from, Patience patience);
// std::nullopt: one that a later release may know.
Result<std::optional<Order>> receive_order(const ProcessChannel& from, Patience patience);

}  // namespace onehop::program
