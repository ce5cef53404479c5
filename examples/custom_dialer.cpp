// SPDX-License-Identifier: Apache-2.0
//
// Try it: custom_dialer 127.0.0.1:8080 http://app.internal /run/app.sock &
//         curl http://127.0.0.1:8080/
//
// A dialer that decides how connections are made: here through a unix socket, whatever the URL is.
#include <onehop/onehop.hpp>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

class UnixDialer final : public onehop::Dialer {
 public:
  explicit UnixDialer(std::string path) : path_(std::move(path)) {}

  onehop::task<onehop::Result<onehop::DialledConnection>> dial(
      const onehop::DialTarget&) const override {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) co_return failure();
    onehop::DialledConnection connection(fd, "unix:" + path_);
    if (!connect(fd)) co_return failure();
    co_return connection;
  }

 private:
  bool connect(int fd) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    return ::connect(fd, generic, sizeof address) == 0;
  }
  static std::unexpected<onehop::Error> failure() {
    return onehop::failure(onehop::Error::system(errno, onehop::Side::upstream));
  }

  std::string path_;
};

int main(int argc, char** argv) {
  auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "http://app.internal");
  if (!backend) {
    std::fprintf(stderr, "%s\n", backend.error().to_string().c_str());
    return 2;
  }

  onehop::Transport::Options options;
  options.dialer = std::make_shared<UnixDialer>(argc > 3 ? argv[3] : "/run/app.sock");
  onehop::ReverseProxy proxy({
      .rewrite = [backend = *backend](onehop::ProxyRequest& request) { request.set_url(backend); },
      .transport = std::make_shared<onehop::Transport>(std::move(options)),
  });
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080", .stop_on_signals = true});
  return server.run(std::move(proxy));
}
