// SPDX-License-Identifier: Apache-2.0
//
// Try it: custom_hooks 127.0.0.1:8080 http://127.0.0.1:9000 &  curl -i http://127.0.0.1:8080/
//         (then again with nothing listening on port 9000)
//
// modify_response edits the backend's response; error_response makes one if there was none.
#include <onehop/onehop.hpp>

#include <cstdio>
#include <string>
#include <utility>

// Hides the software that the backend runs on, and refuses a response that must not leave.
onehop::Result<void> tidy(onehop::Response& response) {
  response.headers().erase("X-Powered-By");
  response.headers().set("X-Content-Type-Options", "nosniff");
  if (response.headers().has("X-Internal")) {
    return onehop::failure(onehop::Errc::bad_response, onehop::Side::upstream,
                           "an internal answer was about to leave");
  }
  return {};
}

// Keeps the status of the default response, and reports it in JSON.
onehop::Response json_error(const onehop::Request& in, const onehop::Error& error) {
  const onehop::Status status = onehop::default_error_response(in, error).status();
  onehop::Response response(status, R"({"error":")" + std::string(status.reason()) + "\"}\n");
  response.headers().set("Content-Type", "application/json");
  return response;
}

int main(int argc, char** argv) {
  const auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "http://127.0.0.1:9000");
  if (!backend) {
    std::fprintf(stderr, "%s\n", backend.error().to_string().c_str());
    return 2;
  }

  onehop::ReverseProxy proxy({
      .rewrite = [backend = *backend](onehop::ProxyRequest& request) { request.set_url(backend); },
      .modify_response = tidy,
      .error_response = json_error,
  });
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run(std::move(proxy));
}
