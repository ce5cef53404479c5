// SPDX-License-Identifier: Apache-2.0
//
// ProxiedBeginning is a connection of a load balancer that must first name its client by the PROXY
// protocol. It then hands the stream on, to the TLS handshake or to HTTP, as a connection of that
// client, and ends. If no valid header arrives within header_timeout, it closes the connection. It
// reads no byte that follows the header.
// Thread: owner.
#pragma once

#include "base/held_memory.hpp"
#include "base/promised_memory.hpp"
#include "base/root_task.hpp"
#include "net/proxy_header.hpp"
#include "server/client_connection.hpp"
#include "server/tls_certificates.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace onehop::server {

class ProxiedBeginning final : public ClientConnection {
 public:
  // `from`: the balancer, without a ticket. `tls`: if a handshake follows the header, its terms.
  ProxiedBeginning(WorkerContext& worker,
                   std::unique_ptr<net::Stream> stream,
                   const AcceptedFrom& from,
                   std::optional<TlsTerms> tls);
  ~ProxiedBeginning() override;

  void start() override;
  void end_when_idle() noexcept override;

 private:
  enum class Progress : std::uint8_t { waits, has_header, failed };

  void on_ended();
  friend class RootTask<ProxiedBeginning>;
  RootTask<ProxiedBeginning> run();
  void on_exception() noexcept;
  Progress take_input();
  net::Time deadline() const noexcept;
  void admit_client(const net::ProxyHeader& header);
  void refuse(std::string_view why);

  std::unique_ptr<net::Stream> stream_;
  AcceptedFrom from_;
  std::optional<TlsTerms> tls_;
  const net::Time begun_;
  // The header so far: `filled_` bytes were received, and it has at least input_.size() bytes.
  HeldString input_;
  std::size_t filled_ = 0;
  MemoryPromise promise_{net::ProxyHeader::kMaxSize};  // the bytes that `input_` may still grow by
  bool is_admitted_ = false;
  io::Wakeup ended_;
  RootTask<ProxiedBeginning> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
