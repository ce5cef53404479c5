// SPDX-License-Identifier: Apache-2.0
//
// Try it: counting_handler :8080 &  curl http://localhost:8080/
//
// A handler for each worker, with its own counter, which needs no lock, and a shared one, which is
// atomic.
#include <onehop/onehop.hpp>

#include <atomic>
#include <memory>
#include <string>

class Counting final : public onehop::Handler {
 public:
  explicit Counting(std::atomic<int>& all) : all_(all) {}
  onehop::task<onehop::Response> serve(onehop::Request) const override {
    const std::string text = "request " + std::to_string(++here_) + " of this worker, " +
                             std::to_string(++all_) + " of all\n";
    co_return onehop::Response(onehop::Status::ok, text);
  }

 private:
  mutable int here_ = 0;  // only one worker uses it
  std::atomic<int>& all_;
};

int main(int argc, char** argv) {
  std::atomic<int> all = 0;
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run_per_worker([&all] { return std::make_shared<const Counting>(all); });
}
