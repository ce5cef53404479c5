// SPDX-License-Identifier: Apache-2.0
//
// Try it: streamed_body :8080 &  curl -N http://localhost:8080/
//
// A body that is generated while it is sent. The response owns the body, and the body owns each
// piece.
#include <onehop/onehop.hpp>

#include <chrono>
#include <memory>
#include <string>

class Countdown final : public onehop::BodySource {
 public:
  onehop::task<onehop::Result<onehop::bytes>> read() override {
    if (left_ == 0) co_return onehop::bytes();  // the end
    co_await onehop::sleep_for(std::chrono::milliseconds(100));
    piece_ = std::to_string(left_--) + "\n";
    co_return onehop::bytes(piece_);  // valid until the next read()
  }

 private:
  int left_ = 3;
  std::string piece_;
};

int main(int argc, char** argv) {
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run([](onehop::Request) {
    return onehop::Response(onehop::Status::ok, onehop::Headers(),
                            onehop::Body::from(std::make_unique<Countdown>()));
  });
}
