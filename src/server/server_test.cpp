// SPDX-License-Identifier: Apache-2.0
#include <onehop/server.hpp>

#include "io/file_descriptor.hpp"
#include "io/reactor.hpp"
#include "net/address.hpp"

#include <chrono>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace onehop {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Asks, and reads until the connection is closed.
void ask_until_closed(const std::string& address) {
  const auto to = net::Address::parse_listen(address);
  ASSERT_TRUE(to);
  const io::FileDescriptor socket(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(socket.get(), to->data(), to->size()), 0);
  constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(socket.get(), kGet.data(), kGet.size(), MSG_NOSIGNAL);
  std::string answer(1000, '\0');
  while (::recv(socket.get(), answer.data(), answer.size(), 0) > 0) {
  }
}

TEST(ServerTest, AWorkerThatDiesOfAnExceptionIsSaidAndNotAskedToStop) {
  std::mutex mutex;
  std::vector<std::string> said;
  Server::Options options;
  options.listen = "127.0.0.1:0";
  options.workers = 1;
  options.log = [&](LogLevel, std::string_view line) {
    const std::lock_guard lock(mutex);
    said.emplace_back(line);
  };
  Server server(options);
  const auto started = server.start(make_handler([](Request) {
    io::Reactor::current().post([] { throw std::bad_alloc(); });
    return Response(Status::no_content);
  }));
  ASSERT_TRUE(started) << started.error().to_string();
  ask_until_closed(server.addresses().front());
  server.stop(std::chrono::seconds(5));
  EXPECT_THAT(said, Contains(HasSubstr("bad_alloc")));
}

TEST(ServerTest, MoreWorkersThanMakeSenseAreRefusedBeforeAThreadIsStarted) {
  Server::Options options;
  options.listen = "127.0.0.1:0";
  options.workers = Server::kMostWorkers + 1;
  Server server(options);
  const auto started = server.start(make_handler([](Request) { return Response(Status::ok); }));
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().is(Errc::bad_option));
  EXPECT_THAT(std::string(started.error().detail()), HasSubstr("workers: 1025 threads"));
  EXPECT_TRUE(server.addresses().empty());
}

}  // namespace
}  // namespace onehop
