// SPDX-License-Identifier: Apache-2.0
#include "server/listen_plan.hpp"

#include "server/refuse.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace onehop::server {
namespace {

// Returns "web" for "fd:web", "http://fd:web" and "https://fd:web".
std::optional<std::string_view> name_of_given(std::string_view text) noexcept {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    break;
  }
  constexpr std::string_view kPrefix = "fd:";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  return text.substr(kPrefix.size());
}

}  // namespace

Result<std::vector<OpenListener>> ListenPlan::open() {
  if (auto adopted = adopt_given(); !adopted) return failure(adopted.error());
  for (const std::string& text : options_.listen.list())
    if (auto added = add(text); !added) return failure(added.error());
  if (auto checked = check(); !checked) return failure(checked.error());
  if (auto marked = mark_proxied(); !marked) return failure(marked.error());
  match_present();
  std::vector<OpenListener> all;
  all.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    auto opened = open(entry);
    if (!opened) return failure(opened.error());
    all.push_back(std::move(*opened));
  }
  return all;
}

net::ListenOptions ListenPlan::listen_options() const noexcept {
  net::ListenOptions listen;
  listen.defer_accept = options_.defer_accept;
  return listen;
}

Result<void> ListenPlan::adopt_given() {
  for (const Server::OpenSocket& one : options_.open_sockets) {
    using net::TcpListener;
    const auto owner =
        one.handed_over ? TcpListener::FileOwner::giver : TcpListener::FileOwner::other;
    auto socket = TcpListener::adopt(one.descriptor, owner);
    if (!socket) return failure(Error(socket.error()).with("open_sockets"));
    given_.push_back({one, std::make_shared<TcpListener>(std::move(*socket))});
  }
  return {};
}

Result<void> ListenPlan::add(const std::string& text) {
  const bool with_tls = net::listens_with_tls(text, has_tls_);
  if (const auto name = name_of_given(text)) return add_named(text, *name, with_tls);
  auto address = net::Address::parse_listen(text);
  if (!address) return failure(address.error());
  Entry entry{text, *address, with_tls, nullptr, nullptr, false};
  for (Given& given : given_) {
    if (given.is_used || !is_for(given, *address)) continue;
    given.is_used = true;
    entry.given = given.socket;
    break;
  }
  entries_.push_back(std::move(entry));
  return {};
}

bool ListenPlan::is_for(const Given& given, const net::Address& address) {
  if (net::is_same_listener(given.socket->address(), address)) return true;
  if (given.option.requested.empty()) return false;
  const auto requested = net::Address::parse_listen(given.option.requested);
  return requested && *requested == address;
}

// A service manager may give several sockets one name.
Result<void> ListenPlan::add_named(const std::string& text, std::string_view name, bool with_tls) {
  bool is_found = false;
  for (Given& given : given_) {
    if (given.is_used || given.option.name != name) continue;
    given.is_used = is_found = true;
    const net::Address& address = given.socket->address();
    entries_.push_back(
        {text, address, with_tls && !address.is_unix(), given.socket, nullptr, false});
  }
  if (is_found) return {};
  return refuse("cannot listen on " + text + ": no open socket has the name \"" +
                std::string(name) + "\" (open_sockets)");
}

Result<void> ListenPlan::check() const {
  std::vector<net::ListenerName> names;
  for (const Entry& entry : entries_) {
    names.push_back({entry.text, entry.address});
    if (entry.with_tls && !has_tls_) {
      return refuse("cannot listen on " + entry.text +
                    ": TLS needs a certificate, and none was given");
    }
  }
  if (std::string overlap = net::why_listeners_overlap(names); !overlap.empty()) {
    return refuse("listen: " + overlap);
  }
  for (const Given& given : given_) {
    if (given.is_used || given.option.handed_over) continue;
    const Server::OpenSocket& option = given.option;
    // The clients of this socket would wait for ever.
    return refuse("open_sockets: nothing listens on " + given.socket->address().to_string() +
                  " (descriptor " + std::to_string(option.descriptor) + ", name \"" + option.name +
                  "\"): add its address to `listen`, or fd:" + option.name);
  }
  return {};
}

Result<void> ListenPlan::mark_proxied() {
  const std::vector<std::string>& listeners = options_.proxy_protocol_listeners;
  if (!listeners.empty() && !proxies_) {
    return refuse("proxy_protocol_listeners: proxy_protocol names no peers");
  }
  for (Entry& entry : entries_)
    entry.is_proxied = listeners.empty();
  for (const std::string& text : listeners) {
    const auto address = net::Address::parse_listen(text);
    bool is_found = false;
    for (Entry& entry : entries_) {
      if (entry.text != text && !(address && *address == entry.address)) continue;
      entry.is_proxied = is_found = true;
    }
    if (!is_found) return refuse("proxy_protocol_listeners: " + text + " is not in `listen`");
  }
  return {};
}

// Compares the requested addresses first, so that an entry with port 0 keeps the port that it has.
void ListenPlan::match_present() {
  const auto match = [this](const auto& is_match) {
    for (Entry& entry : entries_) {
      if (entry.kept) continue;
      for (const OpenListener& one : present_) {
        if (is_kept(*one.listener) || !is_match(*one.listener, entry.address)) continue;
        entry.kept = one.listener;
        break;
      }
    }
  };
  match([](const Listener& listener, const net::Address& address) {
    return listener.wanted() == address;
  });
  match([](const Listener& listener, const net::Address& address) {
    return net::is_same_listener(listener.actual(), address);
  });
}

bool ListenPlan::is_kept(const Listener& listener) const noexcept {
  return std::ranges::any_of(entries_,
                             [&](const Entry& entry) { return entry.kept.get() == &listener; });
}

Result<OpenListener> ListenPlan::open(const Entry& entry) const {
  std::shared_ptr<const TrustedPeers> proxies = entry.is_proxied ? proxies_ : nullptr;
  if (entry.kept) return OpenListener{entry.kept, nullptr, entry.with_tls, std::move(proxies)};
  std::shared_ptr<net::TcpListener> socket = entry.given;
  if (!socket) {
    if (std::string why = why_blocked(entry); !why.empty()) return refuse(std::move(why));
    auto opened = net::TcpListener::open(entry.address, listen_options());
    if (!opened) return failure(opened.error());
    socket = std::make_shared<net::TcpListener>(std::move(*opened));
  }
  auto listener = std::make_shared<Listener>(entry.address, socket);
  return OpenListener{std::move(listener), std::move(socket), entry.with_tls, std::move(proxies)};
}

std::string ListenPlan::why_blocked(const Entry& entry) const {
  for (const OpenListener& one : present_) {
    if (is_kept(*one.listener)) continue;
    const std::string overlap = net::why_listeners_overlap(std::vector<net::ListenerName>{
        {entry.text, entry.address}, {one.listener->name(), one.listener->actual()}});
    if (overlap.empty()) continue;
    return "listen: " + overlap +
           ", which stays open until the update is done: remove that one first, in a "
           "separate update";
  }
  return {};
}

}  // namespace onehop::server
