// SPDX-License-Identifier: Apache-2.0
//
// Try it: embedded_server 127.0.0.1:8080 &  curl http://127.0.0.1:8080/ & sleep 0.1; kill %1
//
// A server inside a larger program, which has its own main loop and waits for signals itself. It
// calls start(), and at the end stop(), which lets the requests in progress finish.
#include <onehop/onehop.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <utility>

#include <pthread.h>
#include <time.h>

onehop::task<onehop::Response> serve_slowly(onehop::Request) {
  co_await onehop::sleep_for(std::chrono::milliseconds(500));
  co_return onehop::Response(onehop::Status::ok, "done\n");
}

int main(int argc, char** argv) {
  // Blocked before a second thread starts, so that only the main loop receives them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  const auto started = server.start(onehop::make_handler(serve_slowly));
  if (!started) {
    std::fprintf(stderr, "%s\n", started.error().to_string().c_str());
    return 1;
  }

  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  while (sigtimedwait(&signals, nullptr, &second) < 0) {
    std::printf("%zu requests in progress\n", server.requests());  // the work of the larger program
  }
  const bool complete = server.stop(std::chrono::seconds(10));
  std::printf(complete ? "stopped\n" : "stopped; requests were cut\n");
  return complete ? 0 : 1;
}
