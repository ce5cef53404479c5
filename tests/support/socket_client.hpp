// SPDX-License-Identifier: Apache-2.0
//
// SocketClient is a blocking HTTP/1.1 client over a real socket. It gives up after 5 s.
// Thread: owner.
#pragma once

#include "io/file_descriptor.hpp"
#include "net/address.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace onehop::test {

class SocketClient {
 public:
  // `address` is one of Server::addresses().
  explicit SocketClient(const std::string& address) {
    const auto to = net::Address::parse_listen(address);
    if (!to) return;
    socket_ = io::FileDescriptor(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket_.get(), to->data(), to->size()) != 0) socket_.reset();
  }

  bool is_connected() const noexcept { return static_cast<bool>(socket_); }
  void send(std::string_view text) const {
    if (socket_) ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Sends a GET and returns the whole response, or the part that has arrived.
  std::string get(const std::string& path = "/") {
    send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return read_response();
  }
  // Reads a response with a Content-Length or without content.
  std::string read_response() {
    for (;;) {
      const std::size_t end = received_.find("\r\n\r\n");
      if (end != std::string::npos && received_.size() >= end + 4 + content_length(end)) {
        return take(end + 4 + content_length(end));
      }
      if (!receive()) return take(received_.size());
    }
  }
  // Returns at least one byte, or "" at the end.
  std::string read_some() {
    if (received_.empty()) receive();
    return take(received_.size());
  }
  // Reports whether the server ends the connection within `patience` without sending a byte.
  bool is_ended_within(std::chrono::milliseconds patience) {
    return received_.empty() && wait(patience) && !receive() && is_at_end_;
  }

 private:
  bool wait(std::chrono::milliseconds patience) const {
    pollfd asked{socket_.get(), POLLIN, 0};
    return ::poll(&asked, 1, static_cast<int>(patience.count())) == 1;
  }
  bool receive() {
    if (!socket_ || !wait(std::chrono::seconds(5))) return false;
    std::string more(4096, '\0');
    const ssize_t got = ::recv(socket_.get(), more.data(), more.size(), 0);
    is_at_end_ = got <= 0;
    if (got > 0) received_.append(more, 0, static_cast<std::size_t>(got));
    return got > 0;
  }
  std::size_t content_length(std::size_t end) const {
    constexpr std::string_view kName = "Content-Length: ";
    const std::size_t at = received_.find(kName);
    return at < end ? std::stoul(received_.substr(at + kName.size())) : 0;
  }
  std::string take(std::size_t size) {
    std::string taken = received_.substr(0, size);
    received_.erase(0, size);
    return taken;
  }

  io::FileDescriptor socket_;
  std::string received_;
  bool is_at_end_ = false;
};

}  // namespace onehop::test
