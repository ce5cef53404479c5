// SPDX-License-Identifier: Apache-2.0
#include "program/handover.hpp"

#include <onehop/library_version.hpp>

#include "net/locked_memory.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include <fcntl.h>

namespace onehop::program {
namespace {

using Json = nlohmann::json;
using Use = HandedSocket::Use;

// One day in milliseconds.
constexpr std::uint64_t kLongest = 86'400'000;

struct NamedUse {
  Use use;
  std::string_view name;
};
constexpr std::array kUses = {NamedUse{Use::service, "service"}, NamedUse{Use::admin, "admin"},
                              NamedUse{Use::commands, "commands"}};

std::string_view name_of(Use use) {
  for (const NamedUse& one : kUses)
    if (one.use == use) return one.name;
  return {};
}

std::optional<Use> use_named(std::string_view name) {
  for (const NamedUse& one : kUses)
    if (one.name == name) return one.use;
  return std::nullopt;
}

struct NamedOrder {
  Order order;
  const char* name;
};
constexpr std::array kOrders = {NamedOrder{Order::report, "report"},
                                NamedOrder{Order::stop, "stop"},
                                NamedOrder{Order::reopen, "reopen"}};

const char* name_of(Order order) {
  for (const NamedOrder& one : kOrders)
    if (one.order == order) return one.name;
  return "";
}

std::string text_of(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::unexpected<Error> refuse_handover(std::string why) {
  return failure(Errc::bad_option, Side::local, std::move(why));
}

// The maximum number of messages for a long text.
constexpr std::size_t kMaxPieces = 100;
constexpr std::chrono::milliseconds kPiecePatience(250);

std::size_t pieces_of(std::string_view text) noexcept {
  return (text.size() + ProcessChannel::kMaxText - 1) / ProcessChannel::kMaxText;
}

Result<void> send_pieces(const ProcessChannel& to, std::string_view text) {
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), ProcessChannel::kMaxText)))
    if (auto sent = to.send(text.substr(0, ProcessChannel::kMaxText)); !sent) return sent;
  return {};
}

Result<std::string> receive_pieces(const ProcessChannel& from,
                                   std::size_t count,
                                   Patience patience) {
  if (count > kMaxPieces) return refuse_handover("the other process sent too much");
  std::string text;
  for (; count > 0; --count) {
    auto piece = from.receive(patience);
    if (!piece) return failure(piece.error());
    text += piece->text;
  }
  return text;
}

struct Received {
  Json object;
  std::vector<io::FileDescriptor> descriptors;
};

Result<Received> receive(const ProcessChannel& from, Patience patience) {
  auto message = from.receive(patience);
  if (!message) return failure(message.error());
  Json object = Json::parse(message->text, nullptr, false);
  if (!object.is_object()) return refuse_handover("a message of the other process is not JSON");
  if (const auto why = object.find("failed"); why != object.end() && why->is_string()) {
    return refuse_handover(why->get<std::string>());
  }
  return Received{std::move(object), std::move(message->descriptors)};
}

// Returns the value of `key`, or `absent` if it is missing or of another type.
template <class T>
T value_of(const Json& object, const char* key, T absent) {
  const auto found = object.find(key);
  if (found == object.end()) return absent;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<std::string>() : absent;
  } else if constexpr (std::is_same_v<T, bool>) {
    return found->is_boolean() ? found->get<bool>() : absent;
  } else {
    return found->is_number_unsigned() ? found->get<T>() : absent;
  }
}

Result<void> expect(const ProcessChannel& from, Patience patience, const char* key) {
  auto received = receive(from, patience);
  if (!received) return failure(received.error());
  if (value_of(received->object, key, false)) return {};
  return refuse_handover(std::string("expected \"") + key + "\" from the other process");
}

Result<Progress> receive_one_progress(const ProcessChannel& from, Patience patience) {
  auto received = receive(from, patience);
  if (!received) return failure(received.error());
  const Json& object = received->object;
  Progress progress{.requests = value_of(object, "requests", std::uint64_t{0}),
                    .connections = value_of(object, "connections", std::uint64_t{0}),
                    .left = std::chrono::milliseconds(
                        std::min(value_of(object, "milliseconds", std::uint64_t{0}), kLongest)),
                    .counts = {}};
  auto counts = receive_pieces(from, value_of(object, "counts", std::size_t{0}), kPiecePatience);
  if (!counts) return failure(counts.error());
  progress.counts = std::move(*counts);
  return progress;
}

}  // namespace

void SecretText::clear() noexcept {
  net::cleanse(text_);
  text_.clear();
}

std::vector<HandedSocket> handed_sockets(const Server& server, HandedSocket::Use use) {
  std::vector<HandedSocket> all;
  for (const Server::OpenSocket& one : server.open_sockets()) {
    io::FileDescriptor copy(::fcntl(one.descriptor, F_DUPFD_CLOEXEC, 0));
    if (!copy) continue;  // the new process opens the address itself, or reports why it cannot
    all.push_back({.use = use, .requested = one.requested, .socket = std::move(copy)});
  }
  return all;
}

std::vector<Server::OpenSocket> open_sockets(std::span<const HandedSocket> handed,
                                             HandedSocket::Use use) {
  std::vector<Server::OpenSocket> all;
  for (const HandedSocket& one : handed) {
    if (one.use != use) continue;
    all.push_back(
        {.descriptor = one.socket.get(), .requested = one.requested, .handed_over = true});
  }
  return all;
}

Result<void> send(const ProcessChannel& to, const Hello& hello) {
  return to.send(text_of({{"hello", hello.protocol}, {"version", hello.version}}));
}

// Sends as many messages as the descriptors need.
Result<void> send(const ProcessChannel& to, const Handover& handover) {
  std::size_t next = 0;
  std::size_t next_drainer = 0;
  for (bool more = true; more;) {
    Json sockets = Json::array();
    std::vector<int> descriptors;
    for (; next < handover.sockets.size() && descriptors.size() < ProcessChannel::kMaxDescriptors;
         ++next) {
      const HandedSocket& one = handover.sockets[next];
      sockets.push_back(
          {{"use", name_of(one.use)}, {"name", one.name}, {"requested", one.requested}});
      descriptors.push_back(one.socket.get());
    }
    unsigned draining = 0;
    for (; next_drainer < handover.draining.size() &&
           descriptors.size() < ProcessChannel::kMaxDescriptors;
         ++next_drainer, ++draining) {
      descriptors.push_back(handover.draining[next_drainer].descriptor());
    }
    more = next < handover.sockets.size() || next_drainer < handover.draining.size();
    auto sent = to.send(text_of({{"generation", handover.generation},
                                 {"ticket_keys", !handover.ticket_keys.text().empty()},
                                 {"sockets", std::move(sockets)},
                                 {"draining", draining},
                                 {"counts", pieces_of(handover.counts)},
                                 {"more", more}}),
                        descriptors);
    if (!sent) return sent;
  }
  // The keys are not sent as JSON, which would leave copies in memory.
  const std::string& keys = handover.ticket_keys.text();
  if (auto sent = keys.empty() ? Result<void>() : to.send(keys); !sent) return sent;
  return send_pieces(to, handover.counts);
}

Result<void> send(const ProcessChannel& to, const Progress& progress) {
  auto sent = to.send(text_of({{"requests", progress.requests},
                               {"connections", progress.connections},
                               {"milliseconds", progress.left.count()},
                               {"counts", pieces_of(progress.counts)}}));
  return sent ? send_pieces(to, progress.counts) : sent;
}

Result<void> send(const ProcessChannel& to, Order order) {
  return to.send(text_of({{name_of(order), true}}));
}

Result<void> send_ready(const ProcessChannel& to) {
  return to.send(text_of({{"ready", true}}));
}

Result<void> send_failed(const ProcessChannel& to, std::string_view why) {
  return to.send(text_of({{"failed", why}}));
}

Result<void> send_go(const ProcessChannel& to) {
  return to.send(text_of({{"go", true}}));
}

Result<void> send_serving(const ProcessChannel& to) {
  return to.send(text_of({{"serving", true}}));
}

Result<Hello> receive_hello(const ProcessChannel& from, Patience patience) {
  auto received = receive(from, patience);
  if (!received) return failure(received.error());
  Hello hello{.protocol = static_cast<int>(value_of(received->object, "hello", 0U)),
              .version = value_of(received->object, "version", std::string())};
  if (hello.protocol == Handover::kProtocol) return hello;
  return refuse_handover("the new program (version " + hello.version +
                         ") uses a different upgrade protocol than this one (" +
                         std::string(library_version()) + "): restart onehop instead");
}

Result<Handover> receive_handover(const ProcessChannel& from, Patience patience) {
  Handover handover;
  bool has_keys = false;
  std::size_t pieces = 0;
  for (bool more = true; more;) {
    auto received = receive(from, patience);
    if (!received) return failure(received.error());
    const Json& object = received->object;
    auto descriptor = received->descriptors.begin();
    const auto end = received->descriptors.end();
    const auto sockets = object.find("sockets");
    if (sockets == object.end() || !sockets->is_array()) {
      return refuse_handover("the other process did not report its sockets");
    }
    handover.generation = value_of(object, "generation", std::uint64_t{2});
    has_keys = value_of(object, "ticket_keys", false);
    pieces = value_of(object, "counts", std::size_t{0});
    for (const Json& one : *sockets) {
      if (descriptor == end) return refuse_handover("the other process sent too few sockets");
      HandedSocket socket{.name = value_of(one, "name", std::string()),
                          .requested = value_of(one, "requested", std::string()),
                          .socket = std::move(*descriptor++)};
      // Closes sockets whose use only a later release knows.
      const auto use = use_named(value_of(one, "use", std::string()));
      if (!use) continue;
      socket.use = *use;
      handover.sockets.push_back(std::move(socket));
    }
    for (auto left = value_of(object, "draining", 0U); left > 0 && descriptor != end; --left)
      handover.draining.emplace_back(std::move(*descriptor++));
    more = value_of(object, "more", false);
  }
  if (has_keys) {
    auto keys = from.receive(patience);
    if (!keys) return failure(keys.error());
    handover.ticket_keys = std::move(keys->text);
  }
  auto counts = receive_pieces(from, pieces, patience);
  if (!counts) return failure(counts.error());
  handover.counts = std::move(*counts);
  return handover;
}

Result<void> receive_ready(const ProcessChannel& from, Patience patience) {
  return expect(from, patience, "ready");
}

Result<void> receive_go(const ProcessChannel& from, Patience patience) {
  return expect(from, patience, "go");
}

Result<void> receive_serving(const ProcessChannel& from, Patience patience) {
  return expect(from, patience, "serving");
}

Result<Progress> receive_progress(const ProcessChannel& from, Patience patience) {
  Result<Progress> newest = receive_one_progress(from, patience);
  while (newest) {
    auto next = receive_one_progress(from, Patience(0));
    if (!next) break;
    newest = std::move(next);
  }
  return newest;
}

Result<std::optional<Order>> receive_order(const ProcessChannel& from, Patience patience) {
  const auto received = receive(from, patience);
  if (!received) return failure(received.error());
  for (const NamedOrder& one : kOrders)
    if (value_of(received->object, one.name, false)) return std::optional(one.order);
  return std::optional<Order>();
}

}  // namespace onehop::program
