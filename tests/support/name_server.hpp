// SPDX-License-Identifier: Apache-2.0
//
// NameServer is a DNS server (RFC 1035) on a loopback port, for tests of the resolver. It answers
// from a table, or stays silent, and counts the queries. Responses too large for a datagram use TCP
// (RFC 7766). It runs in the event loop under test.
// Thread: owner.
#pragma once

#include "base/check.hpp"
#include "io/reactor.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace onehop {

class NameServer final : private io::Watcher {
 public:
  struct Host {
    std::vector<std::string> v4;
    std::vector<std::string> v6;
    std::uint32_t ttl = 10;
    // If set, the name is an alias (CNAME) of this name, which has the addresses.
    std::string alias = {};
    std::uint32_t alias_ttl = 10;
    // Queries for this family get NXDOMAIN, against RFC 8020.
    int denied = AF_UNSPEC;
  };
  enum class Mood : std::uint8_t { helpful, broken, silent };

  explicit NameServer(io::Reactor& reactor)
      : reactor_(reactor),
        socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    // Chooses a port that is free for both TCP and UDP.
    do {
      over_tcp_.socket =
          io::FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ONEHOP_CHECK(bind(over_tcp_.socket, 0));
      sockaddr_in address{};
      socklen_t size = sizeof address;
      auto* any = reinterpret_cast<sockaddr*>(&address);
      ONEHOP_CHECK(::getsockname(over_tcp_.socket.get(), any, &size) == 0);
      port_ = ntohs(address.sin_port);
    } while (!bind(socket_, port_));
    ONEHOP_CHECK(::listen(over_tcp_.socket.get(), 8) == 0);
    ONEHOP_CHECK(reactor_.add(socket_.get(), *this, EPOLLIN));
    ONEHOP_CHECK(reactor_.add(over_tcp_.socket.get(), over_tcp_, EPOLLIN));
  }

  // Returns the address for ResolverOptions::servers.
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void set_host(const std::string& name, Host host) { hosts_[name] = std::move(host); }
  void set_mood(Mood mood) { mood_ = mood; }
  // Leaves queries for this family unanswered; with AF_UNSPEC, all queries.
  void swallow(int family) { swallowed_ = family; }
  // Replies to the swallowed queries.
  void reply_late() {
    for (const Swallowed& one : std::exchange(late_, {}))
      reply_to(one.query, one.from, one.size);
  }
  // Return the number of queries over UDP and TCP. Each lookup sends one for A and one for AAAA.
  int questions() const { return questions_; }
  int questions_over_tcp() const { return questions_over_tcp_; }

 private:
  static constexpr std::size_t kHeader = 12;
  static constexpr std::size_t kMaxDatagram = 512;
  static constexpr int kTypeA = 1;
  static constexpr int kTypeCname = 5;
  static constexpr int kTypeAaaa = 28;

  static bool bind(const io::FileDescriptor& socket, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  void on_events(std::uint32_t) noexcept override {
    char packet[kMaxDatagram];
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    auto* from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t got = ::recvfrom(socket_.get(), packet, sizeof packet, 0, from, &size);
    if (got < static_cast<ssize_t>(kHeader) + 5) return;
    ++questions_;
    if (mood_ == Mood::silent) return;
    const std::string query(packet, static_cast<std::size_t>(got));
    if (type_of(query) == type_for(swallowed_)) {
      late_.push_back({query, peer, size});
    } else {
      reply_to(query, peer, size);
    }
  }

  struct Swallowed {
    std::string query;
    sockaddr_storage from;
    socklen_t size;
  };

  void reply_to(const std::string& query, const sockaddr_storage& peer, socklen_t size) {
    std::string reply = answer(query);
    if (reply.size() > kMaxDatagram) {
      reply.resize(kMaxDatagram);
      reply[2] = '\x83';  // TC
    }
    const auto* to = reinterpret_cast<const sockaddr*>(&peer);
    ::sendto(socket_.get(), reply.data(), reply.size(), 0, to, size);
  }

  static int type_for(int family) {
    if (family == AF_UNSPEC) return 0;
    return family == AF_INET ? kTypeA : kTypeAaaa;
  }
  static int type_of(std::string_view query) {
    std::size_t at = kHeader;
    while (query[at] != 0)
      at += 1 + static_cast<std::size_t>(query[at]);
    return query[at + 2];
  }

  struct Connection final : io::Watcher {
    Connection(NameServer& owner, int accepted) : server(owner), socket(accepted) {}
    void on_events(std::uint32_t) noexcept override {
      char data[kMaxDatagram];
      const ssize_t got = ::recv(socket.get(), data, sizeof data, 0);
      if (got <= 0) return server.reactor_.remove(socket.get());
      received.append(data, static_cast<std::size_t>(got));
      while (received.size() > 2) {
        const std::size_t size = static_cast<unsigned char>(received[0]) * std::size_t{256} +
                                 static_cast<unsigned char>(received[1]);
        if (received.size() < 2 + size) return;
        ++server.questions_over_tcp_;
        const std::string message = server.answer(std::string_view(received).substr(2, size));
        std::string reply;
        append16(reply, message.size());
        reply += message;
        ::send(socket.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
        received.erase(0, 2 + size);
      }
    }

    NameServer& server;
    io::FileDescriptor socket;
    std::string received;
  };

  struct OverTcp final : io::Watcher {
    explicit OverTcp(NameServer& owner) : server(owner) {}
    void on_events(std::uint32_t) noexcept override {
      const int accepted = ::accept4(socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      ONEHOP_CHECK(accepted >= 0);
      connections.push_back(std::make_unique<Connection>(server, accepted));
      ONEHOP_CHECK(server.reactor_.add(accepted, *connections.back(), EPOLLIN));
    }

    NameServer& server;
    io::FileDescriptor socket;
    std::vector<std::unique_ptr<Connection>> connections;
  };

  std::string answer(std::string_view query) const {
    std::size_t at = kHeader;
    std::string name;
    while (query[at] != 0) {
      const auto length = static_cast<std::size_t>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, length);
      at += 1 + length;
    }
    const int type = query[at + 2];
    const std::string_view question = query.substr(kHeader, at + 5 - kHeader);
    const auto found = hosts_.find(name);
    std::vector<std::string> data;
    int code = mood_ == Mood::broken ? 2 : 0;          // SERVFAIL
    if (code == 0 && found == hosts_.end()) code = 3;  // NXDOMAIN
    if (code == 0 && type == type_for(found->second.denied)) code = 3;
    if (code == 0) data = records(found->second, type);

    std::string reply(query.substr(0, 2));
    reply += '\x81';
    reply += static_cast<char>(0x80 | code);
    append16(reply, 1);
    const std::string_view alias = code == 0 ? found->second.alias : std::string_view();
    append16(reply, data.size() + (alias.empty() ? 0 : 1));
    reply.append(4, '\0').append(question);
    std::string owner = "\xc0\x0c";  // the name of the question
    if (!alias.empty()) {
      append_record(reply, owner, kTypeCname, found->second.alias_ttl, labels(alias));
      owner = labels(alias);
    }
    for (const std::string& record : data)
      append_record(reply, owner, type, found->second.ttl, record);
    return reply;
  }

  static void append_record(std::string& out,
                            const std::string& owner,
                            int type,
                            std::uint32_t ttl,
                            const std::string& data) {
    out += owner;
    append16(out, static_cast<std::size_t>(type));
    append16(out, 1);
    append16(out, ttl >> 16);
    append16(out, ttl & 0xffff);
    append16(out, data.size());
    out += data;
  }
  // Returns the wire form of a name such as "a.test".
  static std::string labels(std::string_view name) {
    std::string text;
    while (!name.empty()) {
      const std::size_t size = std::min(name.find('.'), name.size());
      text += static_cast<char>(size);
      text += name.substr(0, size);
      name.remove_prefix(std::min(size + 1, name.size()));
    }
    return text + '\0';
  }

  static std::vector<std::string> records(const Host& host, int type) {
    std::vector<std::string> data;
    if (type == kTypeA) {
      for (const auto& ip : host.v4)
        data.push_back(binary(AF_INET, ip, 4));
    } else if (type == kTypeAaaa) {
      for (const auto& ip : host.v6)
        data.push_back(binary(AF_INET6, ip, 16));
    }
    return data;
  }
  static std::string binary(int family, const std::string& ip, std::size_t size) {
    char address[16];
    ONEHOP_CHECK(::inet_pton(family, ip.c_str(), address) == 1);
    return {address, size};
  }
  static void append16(std::string& out, std::size_t value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value & 0xff);
  }

  io::Reactor& reactor_;
  io::FileDescriptor socket_;
  std::uint16_t port_ = 0;
  std::map<std::string, Host> hosts_;
  Mood mood_ = Mood::helpful;
  int swallowed_ = AF_UNSPEC;
  std::vector<Swallowed> late_;
  int questions_ = 0;
  int questions_over_tcp_ = 0;
  OverTcp over_tcp_{*this};
};

}  // namespace onehop
