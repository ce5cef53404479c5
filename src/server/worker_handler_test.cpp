// SPDX-License-Identifier: Apache-2.0
//
// The lifetime of the handler of one worker.
#include <onehop/offload.hpp>
#include <onehop/server.hpp>

#include "io/file_descriptor.hpp"
#include "net/address.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <string_view>

#include <gtest/gtest.h>

#include <sys/socket.h>

namespace onehop {
namespace {

// Shared by the test and the handler.
struct Progress {
  std::promise<void> began;
  std::promise<void> handler_is_gone;
  bool gone_while_it_ran = false;
};

// Its offloaded function runs until the handler is destroyed, or for 100 ms.
class Offloading final : public Handler {
 public:
  explicit Offloading(Progress& seen) noexcept : seen_(seen) {}
  Offloading(const Offloading&) = delete;
  Offloading& operator=(const Offloading&) = delete;
  ~Offloading() { seen_.handler_is_gone.set_value(); }

  task<Response> serve(Request) const override {
    auto working = offload([&seen = seen_] {
      seen.began.set_value();
      const auto waited =
          seen.handler_is_gone.get_future().wait_for(std::chrono::milliseconds(100));
      seen.gone_while_it_ran = waited == std::future_status::ready;
    });
    co_await std::move(working);
    co_return Response(Status::no_content);
  }

 private:
  Progress& seen_;
};

// Regression: the handler was destroyed with the worker's connections while the function used it.
TEST(HandlerOfOneWorker, OutlivesItsOffloadedFunctions) {
  Progress seen;
  Server::Options options;
  options.listen = "127.0.0.1:0";
  options.workers = 1;
  options.log = [](LogLevel, std::string_view) {};
  Server server(options);
  ASSERT_TRUE(server.start_per_worker([&seen] { return std::make_shared<Offloading>(seen); }));
  const auto to = net::Address::parse_listen(server.addresses().front());
  ASSERT_TRUE(to);
  const io::FileDescriptor client(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), to->data(), to->size()), 0);
  constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_EQ(::send(client.get(), kGet.data(), kGet.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(kGet.size()));
  seen.began.get_future().wait();
  server.stop(std::chrono::seconds(0));
  server.wait();
  EXPECT_FALSE(seen.gone_while_it_ran);
}

}  // namespace
}  // namespace onehop
