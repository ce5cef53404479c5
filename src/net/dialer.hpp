// SPDX-License-Identifier: Apache-2.0
//
// Dialer connects to a named destination. KernelDialer uses the machine's network: it resolves
// names with c-ares, tries every address and races both families (RFC 8305). Tests provide their
// own dialers. There is one dialer per thread. Destroying the task cancels a dial.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>

#include "net/address.hpp"
#include "net/dial_reports.hpp"
#include "net/stream.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace onehop::net {

// A host and port, with or without TLS, or the path of a unix socket.
struct Destination {
  Destination(std::string h, std::uint16_t p, bool t = false)
      : host(std::move(h)), port(p), tls(t) {}
  explicit Destination(std::string path) : socket_path(std::move(path)) {}

  // The name or IP address to connect to.
  const std::string& connect_host() const noexcept {
    return connect_address.empty() ? host : connect_address;
  }

  std::string host;
  std::uint16_t port = 0;
  // Unless empty, the dialer connects to this IP address or name instead of the addresses of
  // `host`. TLS verifies `host` in both cases.
  std::string connect_address;
  std::string socket_path;
  // The first bytes of the connection, sent before TLS: a PROXY header.
  std::string preamble;
  bool tls = false;
  bool http2 = false;              // with TLS: offers HTTP/2 in the handshake
  DialReports* reports = nullptr;  // may be null; must outlive the dial
};

struct Dialled {
  Dialled() = default;
  Dialled(std::unique_ptr<Stream> s, std::string a) : stream(std::move(s)), address(std::move(a)) {}

  std::unique_ptr<Stream> stream;
  std::string address;        // "127.0.0.1:8000", "[::1]:8000", "unix:/run/app.sock"
  Duration handshake_time{};  // of the TLS handshake; 0 without TLS
};

struct DialOptions {
  Duration attempt_timeout = std::chrono::seconds(3);
  Duration total_timeout = std::chrono::seconds(5);
  // The delay after which the next address is tried in parallel (RFC 8305 §5).
  Duration fallback_delay = std::chrono::milliseconds(250);
  // As in ResolverOptions::servers. If empty, the system's name servers are used.
  std::string name_servers = {};
};

class Dialer {
 public:
  Dialer() = default;
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;
  virtual ~Dialer() = default;

  // `destination` must outlive the task. Errors are retry_safe. Their side is upstream, or local if
  // this machine lacked a resource: name_not_resolved (phase resolve), timed_out, or the errno of
  // the last address tried (phase connect). Their detail names the addresses. TlsDialer sends the
  // preamble and adds TLS; other dialers ignore both.
  virtual task<Result<Dialled>> dial(const Destination& destination) = 0;
};

class KernelDialer final : public Dialer {
 public:
  explicit KernelDialer(io::Reactor& reactor, DialOptions options) noexcept
      : reactor_(reactor), options_(std::move(options)) {}
  task<Result<Dialled>> dial(const Destination& destination) override;

 private:
  io::Reactor& reactor_;
  DialOptions options_;
};

}  // namespace onehop::net
