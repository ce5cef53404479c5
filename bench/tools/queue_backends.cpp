// SPDX-License-Identifier: Apache-2.0
// Several slow backends in one process. Each serves one request at a time, for an exponentially
// distributed time; the last backend takes three times as long. Any GET gets 128 bytes of the
// pattern.
//
// usage: queue_backends FIRST_PORT COUNT MEAN_MICROSECONDS
#include "loopback.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

const std::string g_answer = "HTTP/1.1 200 OK\r\nContent-Length: 128\r\n\r\n" + bench::pattern(128);

struct Connection;

// One backend. It serves the request of the first connection in the queue.
struct Backend {
  int listener = -1;
  double mean = 0;  // seconds
  std::deque<Connection*> queue;
  Clock::time_point served_at;
};

struct Connection {
  Backend& backend;
  int fd;
  std::string input;
};

std::mt19937_64 g_random(1);  // NOLINT: the same times in every run

Clock::time_point end_of_service(const Backend& backend) {
  std::exponential_distribution<double> times(1 / backend.mean);
  const std::chrono::duration<double> seconds(times(g_random));
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(seconds);
}

void begin_next(Backend& backend) {
  if (!backend.queue.empty()) backend.served_at = end_of_service(backend);
}

// Reads requests. Returns false at the end of the connection.
bool read_requests(Connection& connection) {
  char bytes[16 << 10];
  for (;;) {
    const ssize_t got = read(connection.fd, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
    if (got < 0) break;
    connection.input.append(bytes, static_cast<std::size_t>(got));
  }
  for (std::size_t end; (end = connection.input.find("\r\n\r\n")) != std::string::npos;) {
    connection.input.erase(0, end + 4);
    connection.backend.queue.push_back(&connection);
    if (connection.backend.queue.size() == 1) begin_next(connection.backend);
  }
  return true;
}

void finish_due(Backend& backend) {
  while (!backend.queue.empty() && backend.served_at <= Clock::now()) {
    const Connection* const served = backend.queue.front();
    backend.queue.pop_front();
    // The response fits into every socket of a client that reads.
    if (write(served->fd, g_answer.data(), g_answer.size()) < 0 && errno != EPIPE)
      bench::die("write");
    begin_next(backend);
  }
}

// Returns the milliseconds until the next service ends, or -1 if none is running.
int next_wait(const std::vector<std::unique_ptr<Backend>>& backends) {
  int wait = -1;
  for (const auto& backend : backends) {
    if (backend->queue.empty()) continue;
    const auto left =
        std::chrono::floor<std::chrono::milliseconds>(backend->served_at - Clock::now()).count();
    const int its_wait = left > 0 ? static_cast<int>(left) : 0;
    wait = wait < 0 ? its_wait : std::min(wait, its_wait);
  }
  return wait;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  bench::prepare_process();
  bench::Epoll epoll;
  std::vector<std::unique_ptr<Backend>> backends;
  const int count = std::atoi(argv[2]);
  for (int i = 0; i < count; ++i) {
    backends.push_back(std::make_unique<Backend>());
    backends.back()->listener = bench::listen_on(std::atoi(argv[1]) + i);
    backends.back()->mean = std::atof(argv[3]) / 1e6 * (i + 1 == count ? 3 : 1);
    epoll.add(backends.back()->listener, EPOLLIN, nullptr);
  }
  for (;;) {
    for (const epoll_event& event : epoll.wait(next_wait(backends))) {
      auto* const connection = static_cast<Connection*>(event.data.ptr);
      if (connection != nullptr) {
        if (read_requests(*connection)) continue;
        std::erase(connection->backend.queue, connection);
        close(connection->fd);
        delete connection;
        continue;
      }
      for (const auto& backend : backends) {
        for (int fd; (fd = bench::accept_from(backend->listener)) >= 0;)
          epoll.add(fd, EPOLLIN, new Connection{*backend, fd, {}});
      }
    }
    for (const auto& backend : backends)
      finish_due(*backend);
  }
}
