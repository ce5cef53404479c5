// SPDX-License-Identifier: Apache-2.0
//
// Try it: custom_handler 127.0.0.1:8080 &  curl http://127.0.0.1:8080/world
//
// A handler class. The server calls it for every request, on all workers at the same time.
#include <onehop/onehop.hpp>

#include <string>
#include <utility>

class Hello final : public onehop::Handler {
 public:
  onehop::task<onehop::Response> serve(onehop::Request request) const override {
    if (request.method() != onehop::Method::get) {
      onehop::Response refusal(onehop::Status::method_not_allowed, "only GET is understood here\n");
      refusal.headers().set("Allow", "GET");
      co_return refusal;
    }
    std::string text = "hello, " + std::string(request.url().path()) + "\n";
    onehop::Response response(onehop::Status::ok, std::move(text));
    response.headers().set("Content-Type", "text/plain; charset=utf-8");
    co_return response;
  }
};

int main(int argc, char** argv) {
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run(Hello());
}
