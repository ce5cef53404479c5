// SPDX-License-Identifier: Apache-2.0
//
// A program of a library user: a server, a proxy in front of it, and one request through both.
#include <onehop/onehop.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

// Returns the raw response to a plain client on 127.0.0.1, or "" if there is none.
std::string fetch(std::uint16_t port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char piece[4096];
    ssize_t size = 0;
    while ((size = ::recv(fd, piece, sizeof(piece), 0)) > 0) {
      answer.append(piece, static_cast<std::size_t>(size));
    }
  }
  ::close(fd);
  return answer;
}

std::string only_address(const onehop::Server& server) {
  return server.addresses().at(0);
}

}  // namespace

int main() {
  onehop::Server backend({.listen = "127.0.0.1:0", .workers = 1});
  if (!backend.start([](onehop::Request request) {
        return onehop::Response(onehop::Status::ok,
                                "behind: " + std::string(request.url().path()) + "\n");
      })) {
    return 1;
  }
  auto target = onehop::Url::parse("http://" + only_address(backend));
  if (!target) return 1;
  onehop::Server front({.listen = "127.0.0.1:0", .workers = 1});
  if (!front.start(onehop::single_host_reverse_proxy(std::move(*target)))) return 1;

  const std::string address = only_address(front);
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  const std::string answer =
      fetch(port, "GET /hello HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n");
  std::cout << answer;
  const bool good =
      answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("behind: /hello\n");
  std::cout << "onehop " << onehop::library_version() << (good ? " works\n" : " FAILED\n");
  return good ? 0 : 1;
}
