// SPDX-License-Identifier: Apache-2.0
#include "program/stopping.hpp"

#include "io/file_descriptor.hpp"
#include "io/reactor.hpp"
#include "net/address.hpp"
#include "support/no_descriptors.hpp"

#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace onehop::program {
namespace {

using ::testing::HasSubstr;

// A server with one worker, whose handler makes an exception leave the event loop at "/fail".
class StoppingTest : public ::testing::Test {
 protected:
  StoppingTest() {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before_);
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    said_ = io::FileDescriptor(ends[0]);
    saying_ = io::FileDescriptor(ends[1]);
    signals_.emplace();
    log_.emplace(false, saying_.get());
    Server::Options options;
    options.listen = "127.0.0.1:0";
    options.workers = 1;
    options.log = [this](LogLevel level, std::string_view line) { log_->write(level, line); };
    server_.emplace(options);
    const auto started = server_->start(make_handler([](Request request) {
      if (request.url().path() == "/fail") {
        io::Reactor::current().post([] { throw std::runtime_error("a mistake"); });
      }
      return Response(Status::no_content);
    }));
    EXPECT_TRUE(started) << started.error().to_string();
  }
  ~StoppingTest() override { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  void ask(std::string_view path) const {
    const auto to = net::Address::parse_listen(server_->addresses().front());
    ASSERT_TRUE(to);
    const io::FileDescriptor socket(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(socket.get(), to->data(), to->size()), 0);
    const std::string get =
        "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    ::send(socket.get(), get.data(), get.size(), MSG_NOSIGNAL);
    char piece[1000];
    while (::recv(socket.get(), piece, sizeof piece, 0) > 0) {
    }
  }
  int serve() {
    const auto readiness =
        std::make_shared<std::atomic<observe::Readiness>>(observe::Readiness::ready);
    Stopping stopping(*server_, *log_, readiness, {}, {});
    DrainingProcesses earlier;
    return serve_until_signalled(*server_, stopping, earlier, *signals_);
  }
  std::string said() {
    log_.reset();
    saying_.reset();
    std::string all;
    char piece[1000];
    for (ssize_t got = 0; (got = ::read(said_.get(), piece, sizeof piece)) > 0;)
      all.append(piece, static_cast<std::size_t>(got));
    return all;
  }

  sigset_t before_{};
  io::FileDescriptor said_;
  io::FileDescriptor saying_;
  std::optional<Signals> signals_;
  std::optional<observe::Log> log_;
  std::optional<Server> server_;
};

TEST_F(StoppingTest, EndsWithSuccessAfterASignal) {
  ask("/");
  ::kill(::getpid(), SIGTERM);  // stays pending until a thread waits for it
  EXPECT_EQ(serve(), 0);
  server_.reset();
  EXPECT_THAT(said(), HasSubstr("stopped"));
}

// Regression: a process that took over from another ended if it had no descriptor left.
TEST_F(StoppingTest, ServesWithoutAnotherDescriptorOncePrepared) {
  signals_->prepare();
  const NoDescriptors none;
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(serve(), 0);
}

// Otherwise the process would run for ever without serving.
TEST_F(StoppingTest, EndsWithAFailureAfterItsLastWorker) {
  ask("/fail");
  EXPECT_EQ(serve(), 1);
  server_.reset();
  const std::string all = said();
  EXPECT_THAT(all, HasSubstr("a worker has failed, 0 of 1 continue: a mistake"));
  EXPECT_THAT(all, HasSubstr("all workers have failed"));
}

}  // namespace
}  // namespace onehop::program
