// SPDX-License-Identifier: Apache-2.0
// A bare byte relay, which shows about the minimum cost of a proxy on this kernel because it reads
// no HTTP. It has one connection to the backend per client, is edge-triggered, and does one receive
// and one send per event.
//
// usage: relay PORT BACKEND_PORT [splice]    "splice" moves large transfers without copying them
#include "loopback.hpp"

#include <string_view>
#include <vector>

#include <fcntl.h>

namespace {

using std::size_t;
using std::string;

constexpr size_t kReadSize = 256 << 10;
constexpr size_t kPipeSize = 1 << 20;
constexpr ssize_t kLargeRead = 64 << 10;  // a read this long starts splicing
constexpr int kReadsPerTurn = 64;

char g_input[kReadSize];

struct Pair;

// One socket of a pair, and the bytes read from it that are not yet written to the other socket.
struct End {
  int fd = -1;
  Pair* pair = nullptr;
  bool readable = false;
  bool writable = true;
  bool ended = false;   // its peer has sent everything
  bool passed = false;  // ... and the other end has been closed for writing
  bool large = false;
  string waiting;
  int pipe[2] = {-1, -1};
  size_t in_pipe = 0;
};

struct Pair {
  End client;
  End backend;
  bool broken = false;

  End& other(const End& end) { return &end == &client ? backend : client; }
};

class Relay {
 public:
  Relay(int port, int backend_port, bool splicing)
      : listener_(bench::listen_on(port)), backend_port_(backend_port), splicing_(splicing) {
    epoll_.add(listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    for (;;) {
      for (const epoll_event& event : epoll_.wait(-1)) {
        auto* end = static_cast<End*>(event.data.ptr);
        if (end == nullptr) {
          accept_all();
        } else if (!end->pair->broken) {
          on_event(*end, event.events);
        }
      }
      // The pairs are not destroyed earlier, because a later event of the same batch may belong to
      // one.
      for (Pair* pair : finished_)
        destroy(pair);
      finished_.clear();
    }
  }

 private:
  void accept_all() {
    for (int fd; (fd = bench::accept_from(listener_)) >= 0;) {
      const int backend = bench::connect_to(backend_port_);
      if (backend < 0) {
        close(fd);
        continue;
      }
      // Owned by its registration with epoll until it is finished.
      auto* pair = new Pair;
      watch(pair->client, pair, fd);
      watch(pair->backend, pair, backend);
    }
  }

  void watch(End& end, Pair* pair, int fd) {
    end.fd = fd;
    end.pair = pair;
    epoll_.add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &end);
  }

  void on_event(End& end, std::uint32_t events) {
    End& other = end.pair->other(end);
    const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (broken || (events & (EPOLLIN | EPOLLRDHUP)) != 0) end.readable = true;
    if (broken || (events & EPOLLOUT) != 0) end.writable = true;
    if (other.in_pipe > 0 || !other.waiting.empty() || other.ended) move(other, end);
    if (end.readable && !end.pair->broken) move(end, other);
    // The end of the stream may follow a read that emptied the socket.
    if ((events & EPOLLRDHUP) != 0 && !end.ended && !end.pair->broken) {
      end.readable = true;
      move(end, other);
    }
    if (end.pair->broken) finished_.push_back(end.pair);
  }

  // Moves the available bytes. Marks the pair as broken when it ends.
  void move(End& from, End& to) {
    for (int i = 0; i < kReadsPerTurn && !from.pair->broken; ++i) {
      if (!write_waiting(from, to)) return;
      if (from.ended) return pass_end(from, to);
      if (!from.readable) return;
      if (from.large) {
        fill_pipe(from);
      } else {
        copy(from, to);
      }
    }
    if (from.readable && !from.pair->broken) rearm(from);
  }

  // With edge triggering, input left after a turn is announced only after a modification.
  void rearm(End& end) { epoll_.modify(end.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &end); }

  // Writes the waiting input. Returns true if all of it was written.
  bool write_waiting(End& from, End& to) {
    while (from.in_pipe > 0 || !from.waiting.empty()) {
      if (!to.writable) return false;
      const ssize_t sent =
          from.in_pipe > 0 ? splice(from.pipe[0], nullptr, to.fd, nullptr, from.in_pipe,
                                    SPLICE_F_NONBLOCK | SPLICE_F_MOVE)
                           : send(to.fd, from.waiting.data(), from.waiting.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        blocked(from, to.writable);
        return false;
      }
      if (from.in_pipe > 0) {
        from.in_pipe -= static_cast<size_t>(sent);
      } else {
        from.waiting.erase(0, static_cast<size_t>(sent));
      }
    }
    return true;
  }

  static void blocked(End& end, bool& able) {
    if (errno == EAGAIN) {
      able = false;
    } else {
      end.pair->broken = true;
    }
  }

  static void pass_end(End& from, End& to) {
    if (!from.passed) shutdown(to.fd, SHUT_WR);
    from.passed = true;
    if (to.passed) from.pair->broken = true;
  }

  void copy(End& from, End& to) const {
    const ssize_t got = recv(from.fd, g_input, kReadSize, 0);
    if (got < 0) return blocked(from, from.readable);
    if (got == 0) {
      from.ended = true;
      return;
    }
    if (got < static_cast<ssize_t>(kReadSize)) from.readable = false;  // the socket is empty
    if (splicing_ && got >= kLargeRead) from.large = open_pipe(from);
    ssize_t sent = to.writable ? send(to.fd, g_input, static_cast<size_t>(got), MSG_NOSIGNAL) : 0;
    if (sent < 0) {
      blocked(from, to.writable);
      sent = 0;
    }
    if (sent < got) from.waiting.assign(g_input + sent, static_cast<size_t>(got - sent));
  }

  static bool open_pipe(End& end) {
    if (pipe2(end.pipe, O_NONBLOCK | O_CLOEXEC) != 0) return false;
    fcntl(end.pipe[1], F_SETPIPE_SZ, kPipeSize);
    end.readable = true;  // splice until the socket is empty again
    return true;
  }

  static void fill_pipe(End& end) {
    const ssize_t got =
        splice(end.fd, nullptr, end.pipe[1], nullptr, kPipeSize, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (got < 0) return blocked(end, end.readable);
    if (got == 0) end.ended = true;
    end.in_pipe = static_cast<size_t>(got);
  }

  static void destroy(Pair* pair) {
    for (const End* end : {&pair->client, &pair->backend}) {
      for (const int fd : {end->fd, end->pipe[0], end->pipe[1]}) {
        if (fd >= 0) close(fd);
      }
    }
    delete pair;
  }

  bench::Epoll epoll_;
  int listener_;
  int backend_port_;
  bool splicing_;
  std::vector<Pair*> finished_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: relay PORT BACKEND_PORT [splice]\n", stderr);
    return 2;
  }
  bench::prepare_process();
  Relay relay(std::atoi(argv[1]), std::atoi(argv[2]), argc > 3);
  relay.run();
}
