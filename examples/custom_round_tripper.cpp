// SPDX-License-Identifier: Apache-2.0
//
// Try it: custom_round_tripper 127.0.0.1:8080 http://127.0.0.1:9000 &  curl http://127.0.0.1:8080/
//
// A round tripper that wraps another one: it sees every request to the backend and every response.
#include <onehop/onehop.hpp>

#include <cstdio>
#include <memory>
#include <utility>

// Repeats a request once if the upstream cannot have acted upon the first attempt.
class RetryOnce final : public onehop::RoundTripper {
 public:
  explicit RetryOnce(std::shared_ptr<const onehop::RoundTripper> next) : next_(std::move(next)) {}

  onehop::task<onehop::Result<onehop::Response>> round_trip(
      onehop::Request request) const override {
    onehop::Request again = request.clone_head();
    const bool may_repeat = request.method().is_idempotent() && request.body().is_empty();
    auto first = co_await next_->round_trip(std::move(request));
    if (first || !may_repeat || !first.error().retry_safe()) co_return first;
    co_return co_await next_->round_trip(std::move(again));
  }

 private:
  std::shared_ptr<const onehop::RoundTripper> next_;
};

int main(int argc, char** argv) {
  auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "http://127.0.0.1:9000");
  if (!backend) {
    std::fprintf(stderr, "%s\n", backend.error().to_string().c_str());
    return 2;
  }

  onehop::ReverseProxy proxy({
      .rewrite = [backend = *backend](onehop::ProxyRequest& request) { request.set_url(backend); },
      .transport = std::make_shared<RetryOnce>(std::make_shared<onehop::Transport>()),
  });
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run(std::move(proxy));
}
