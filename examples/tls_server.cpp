// SPDX-License-Identifier: Apache-2.0
//
// Try it: tls_server 127.0.0.1:8443 &  curl -k https://127.0.0.1:8443/
//
// A server with TLS. If a certificate and its key (PEM files) are given, it uses them, and reads
// them again when they change. Otherwise it makes a self-signed certificate, for experiments.
#include <onehop/onehop.hpp>

#include <cstdio>
#include <string>
#include <utility>

onehop::Response about_the_connection(const onehop::Request& request) {
  const onehop::TlsInfo* tls = request.connection().tls_info;
  if (tls == nullptr) return {onehop::Status::ok, "in clear\n"};
  std::string text(tls->version);
  text.append(" with ").append(tls->cipher);
  if (!tls->client_subject.empty()) text.append(", ").append(tls->client_subject);
  return {onehop::Status::ok, text + "\n"};
}

int main(int argc, char** argv) {
  onehop::TlsServerOptions tls;
  if (argc > 3) {
    tls.certificates.push_back({.chain_file = argv[2], .key_file = argv[3]});
  } else {
    tls.self_signed = true;
  }

  onehop::Server::Options options;
  options.listen = argc > 1 ? argv[1] : ":8443";
  options.tls = std::move(tls);
  onehop::Server server(std::move(options));
  auto handler = [](onehop::Request request) { return about_the_connection(request); };
  return server.run(handler);
}
