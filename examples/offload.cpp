// SPDX-License-Identifier: Apache-2.0
//
// Try it: offload 127.0.0.1:8080 &  curl http://127.0.0.1:8080/row/7 http://127.0.0.1:8080/later/7
//
// A handler that waits for other parts of the program: for a blocking call with offload(), and for
// a callback with a Completion. Neither delays the other requests of the worker.
#include <onehop/onehop.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>

// Stands in for the client of a database.
class Database {
 public:
  // Blocks until the row is available.
  std::string find(const std::string& key) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return "row " + key + "\n";
  }
  // Returns at once, and calls `callback` later on another thread.
  void find_later(std::string key, std::function<void(std::string)> callback) const {
    std::thread([this, key, callback] { callback(find(key)); }).detach();
  }
};

class Lookup final : public onehop::Handler {
 public:
  onehop::task<onehop::Response> serve(onehop::Request request) const override {
    const std::string path(request.url().path());
    const std::string key = path.substr(path.rfind('/') + 1);
    if (path.starts_with("/later/")) co_return co_await serve_later(key);
    auto finding = onehop::offload([this, key] { return database_.find(key); });
    std::string row = co_await std::move(finding);
    co_return onehop::Response(onehop::Status::ok, std::move(row));
  }

 private:
  onehop::task<onehop::Response> serve_later(std::string key) const {
    onehop::Completion<std::string> row;
    database_.find_later(key, [to = row.completer()](std::string text) { to.complete(text); });
    auto found = co_await onehop::with_timeout(std::chrono::seconds(5), row.wait());
    if (!found) co_return onehop::Response(onehop::Status::gateway_timeout, "no row in time\n");
    co_return onehop::Response(onehop::Status::ok, std::move(*found));
  }

  Database database_;
};

int main(int argc, char** argv) {
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080", .stop_on_signals = true});
  return server.run(Lookup());
}
