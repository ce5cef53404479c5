// SPDX-License-Identifier: Apache-2.0
//
// Try it: caching_round_tripper 127.0.0.1:8080 http://127.0.0.1:9000 &
//         curl http://127.0.0.1:8080/ http://127.0.0.1:8080/
//
// A round tripper that wraps another one and keeps the responses to GET requests in memory for ten
// seconds. It is a sketch, not a cache as RFC 9111 defines it: the only fields that it considers
// are Authorization, Cache-Control, Cookie and Set-Cookie.
#include <onehop/onehop.hpp>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

class Cache final : public onehop::RoundTripper {
 public:
  explicit Cache(std::shared_ptr<const onehop::RoundTripper> next) : next_(std::move(next)) {}

  onehop::task<onehop::Result<onehop::Response>> round_trip(
      onehop::Request request) const override {
    const bool may_use = request.method() == onehop::Method::get &&
                         !request.headers().has("Cookie") &&
                         !request.headers().has("Authorization");
    const std::string url = request.url().to_string() + " " + std::string(request.host());
    if (may_use) {
      if (auto known = find(url)) co_return response_of(*known);
    }
    auto response = co_await next_->round_trip(std::move(request));
    if (!response || !may_use || !may_keep(*response)) co_return response;
    auto content = co_await response->body().read_all(kMaxContent);
    if (!content) co_return onehop::failure(content.error());
    auto kept = std::make_shared<Entry>();
    kept->content = std::move(*content);
    kept->type = response->headers().get_or_empty("Content-Type");
    kept->until = Clock::now() + kLifetime;
    keep(url, kept);
    co_return response_of(*kept);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kLifetime{10};
  static constexpr std::size_t kMaxContent = 64 * 1024;
  static constexpr std::size_t kMaxEntries = 1000;

  // A copy of the text, because the messages of an exchange do not outlive it.
  struct Entry {
    std::string content;
    std::string type;
    Clock::time_point until;
  };

  static bool may_keep(const onehop::Response& response) {
    const auto length = response.body().length();
    return response.status() == onehop::Status::ok && length && *length <= kMaxContent &&
           !response.headers().has("Cache-Control") && !response.headers().has("Set-Cookie");
  }
  static onehop::Response response_of(const Entry& entry) {
    onehop::Response response(onehop::Status::ok, entry.content);
    if (!entry.type.empty()) response.headers().set("Content-Type", entry.type);
    response.headers().set("X-Cache", "kept");
    return response;
  }

  // All workers share one cache.
  std::shared_ptr<const Entry> find(const std::string& url) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(url);
    if (found == entries_.end() || found->second->until < Clock::now()) return nullptr;
    return found->second;
  }
  void keep(const std::string& url, std::shared_ptr<const Entry> entry) const {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kMaxEntries) entries_.clear();
    entries_[url] = std::move(entry);
  }

  std::shared_ptr<const onehop::RoundTripper> next_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Entry>> entries_;  // guarded by mutex_
};

int main(int argc, char** argv) {
  auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "http://127.0.0.1:9000");
  if (!backend) {
    std::fprintf(stderr, "%s\n", backend.error().to_string().c_str());
    return 2;
  }

  onehop::ReverseProxy proxy({
      .rewrite = [backend = *backend](onehop::ProxyRequest& request) { request.set_url(backend); },
      .transport = std::make_shared<Cache>(std::make_shared<onehop::Transport>()),
  });
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080", .stop_on_signals = true});
  return server.run(std::move(proxy));
}
