// SPDX-License-Identifier: Apache-2.0
//
// Sockets and epoll on 127.0.0.1 for the bench tools, and the bytes that they exchange. A failure
// that makes measuring pointless prints a line and exits. Every tool is single-threaded and owns
// its descriptors.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Must be called first. Ignores SIGPIPE, raises the limit of descriptors, and ends the tool with
// its harness.
inline void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

// Returns byte i of every generated body: a period of 23 reveals shifted or repeated blocks.
inline char pattern_byte(std::uint64_t i) {
  return static_cast<char>('a' + i % 23);
}

inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = pattern_byte(i);
  return bytes;
}

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline int new_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

// Accepted sockets inherit TCP_NODELAY.
inline int listen_on(int port) {
  const int fd = new_socket();
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
  if (listen(fd, 4096) != 0) die("listen");
  return fd;
}

// Accepts a connection. Returns -1 if none waits.
inline int accept_from(int listener) {
  return accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// Starts to connect; the socket is writable when connected. Returns -1 with errno if refused
// immediately.
inline int connect_to(int port) {
  const int fd = new_socket();
  const sockaddr_in address = loopback(port);
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result == 0 || errno == EINPROGRESS) return fd;
  const int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}

class Epoll {
 public:
  Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) die("epoll_create1");
  }
  ~Epoll() { close(fd_); }
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  // `owner` is returned with each event of `fd` until the descriptor is closed.
  void add(int fd, std::uint32_t events, void* owner) { control(EPOLL_CTL_ADD, fd, events, owner); }
  void modify(int fd, std::uint32_t events, void* owner) {
    control(EPOLL_CTL_MOD, fd, events, owner);
  }

  std::span<epoll_event> wait(int timeout_ms) {
    const int count = epoll_wait(fd_, events_, kBatch, timeout_ms);
    return {events_, count > 0 ? static_cast<std::size_t>(count) : 0};
  }

 private:
  static constexpr int kBatch = 512;

  void control(int operation, int fd, std::uint32_t events, void* owner) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = owner;
    if (epoll_ctl(fd_, operation, fd, &event) != 0) die("epoll_ctl");
  }

  int fd_;
  epoll_event events_[kBatch];
};

// Runs the loop of a backend. A Connection is constructed from its descriptor and the Epoll, with
// which it registers itself. Its on_event() returns false when the connection ends.
template <class Connection>
[[noreturn]] void serve(int port) {
  prepare_process();
  Epoll epoll;
  const int listener = listen_on(port);
  epoll.add(listener, EPOLLIN, nullptr);
  for (;;) {
    for (const epoll_event& event : epoll.wait(-1)) {
      auto* connection = static_cast<Connection*>(event.data.ptr);
      if (connection == nullptr) {
        // Owned by its registration with epoll: the loop deletes it after its last event.
        for (int fd; (fd = accept_from(listener)) >= 0;)
          new Connection(fd, epoll);
      } else if (!connection->on_event(event.events)) {
        delete connection;
      }
    }
  }
}

}  // namespace bench
