// SPDX-License-Identifier: Apache-2.0
//
// Try it: hello :8080 &  curl http://localhost:8080/
//
// The smallest server, a function that returns a response.
#include <onehop/onehop.hpp>

#include <string>

onehop::Response hello(const onehop::Request& request) {
  return {onehop::Status::ok, "hello, " + std::string(request.connection().peer) + "\n"};
}

int main(int argc, char** argv) {
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run(hello);
}
