// SPDX-License-Identifier: Apache-2.0
//
// Try it: echo hello >text; updated_server 127.0.0.1:8080 text &  echo bye >text; kill -HUP $!
//
// A server that reads its content again on SIGHUP, without closing a connection. If the file cannot
// be read, the old content stays in use.
#include <onehop/onehop.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

// Returns a handler that responds with the content of a file.
std::shared_ptr<const onehop::Handler> serve_file(const std::string& name) {
  std::ifstream file(name);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error("cannot read " + name);
  return onehop::make_handler(
      [text](const onehop::Request&) { return onehop::Response(onehop::Status::ok, text); });
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: updated_server ADDRESS FILE\n", stderr), 2;
  // Only this thread receives the signals.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM})
    ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const onehop::Server::Options options{.listen = argv[1]};
  onehop::Server server(options);
  if (auto started = server.start(serve_file(argv[2])); !started) {
    std::fprintf(stderr, "%s\n", started.error().to_string().c_str());
    return 1;
  }
  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    try {
      auto updated = server.update(options, serve_file(argv[2]));
      if (!updated) std::fprintf(stderr, "%s\n", updated.error().to_string().c_str());
    } catch (const std::runtime_error& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  return server.stop() ? 0 : 1;
}
