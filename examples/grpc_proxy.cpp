// SPDX-License-Identifier: Apache-2.0
//
// Try it: grpc_proxy 127.0.0.1:8080 h2c://127.0.0.1:50051 &  and point a gRPC client at :8080
//
// A proxy before a gRPC server: every kind of call passes, with its deadline, metadata and
// trailers. Clients connect without TLS by prior knowledge, or with TLS if a certificate and its
// key (PEM files) are two more arguments. For a server with TLS, use https://HOST:PORT.
#include <onehop/onehop.hpp>

#include <cstdio>
#include <string>
#include <utility>

// Logs the whole reason of a failure: a gRPC client receives only a status number and a short text.
void report(const onehop::ExchangeRecord& exchange) {
  const std::string method(exchange.target);
  if (exchange.failure) {
    std::fprintf(stderr, "%s: %s\n", method.c_str(), exchange.failure->to_string().c_str());
  }
}

int main(int argc, char** argv) {
  auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "h2c://127.0.0.1:50051");
  if (!backend) {
    std::fprintf(stderr, "%s\n", backend.error().to_string().c_str());
    return 2;
  }

  onehop::Server::Options options;
  options.listen = argc > 1 ? argv[1] : ":8080";
  options.on_exchange_end = report;
  if (argc > 4) {
    onehop::TlsServerOptions tls;
    tls.certificates.push_back({.chain_file = argv[3], .key_file = argv[4]});
    options.tls = std::move(tls);
  }
  onehop::Server server(std::move(options));
  return server.run(onehop::single_host_reverse_proxy(*backend));
}
