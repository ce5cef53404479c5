// SPDX-License-Identifier: Apache-2.0
//
// Updates that fail and change nothing, concurrent updates, and updates during a stop.
#include <onehop/server.hpp>

#include "io/reactor.hpp"
#include "support/failing_allocation.hpp"
#include "support/socket_client.hpp"
#include "support/updated_server.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>

namespace onehop::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FailingUpdate : public UpdatedServer {
 protected:
  // TLS on the first address, plaintext on the second.
  static Server::Options before() {
    auto made = options();
    made.tls.emplace().self_signed = true;
    made.listen = {"127.0.0.1:0", "http://127.0.0.1:0"};
    return made;
  }
  void start() {
    UpdatedServer::start(before(), named("one"));
    addresses_ = server().addresses();
    fingerprint_ = server().certificates().at(0).sha256;
    client_ = std::make_unique<SocketClient>(addresses_[1]);
    EXPECT_THAT(client_->get(), EndsWith("one"));
  }
  // Checks that nothing has changed, and returns the detail of the error.
  std::string refused(Server::Options next) {
    return refused([&] { return server().update(std::move(next), named("two")); });
  }
  std::string refused(const std::function<Result<void>()>& update) {
    const auto updated = update();
    EXPECT_FALSE(updated);
    EXPECT_EQ(server().addresses(), addresses_);
    EXPECT_EQ(server().certificates().at(0).sha256, fingerprint_);
    EXPECT_THAT(client_->get(), EndsWith("one"));
    EXPECT_THAT(SocketClient(addresses_[1]).get(), EndsWith("one"));
    EXPECT_THAT(SocketClient(addresses_[0]).get(), HasSubstr("This port speaks HTTPS"));
    return updated ? "" : updated.error().to_string();
  }

  std::vector<std::string> addresses_;
  std::string fingerprint_;
  std::unique_ptr<SocketClient> client_;
};

TEST_F(FailingUpdate, NamesTheOptionThatCannotChange) {
  start();
  auto next = before();
  next.workers = 3;
  EXPECT_THAT(refused(next), HasSubstr("workers cannot change"));
  next.workers = 2;
  next.stop_on_signals = true;
  EXPECT_THAT(refused(next), HasSubstr("stop_on_signals cannot change"));
}

TEST_F(FailingUpdate, ChangesNothing) {
  start();
  const SocketClient other(addresses_[0]);
  struct Case {
    std::function<void(Server::Options&)> change;
    std::string reason;
  };
  Server taken(options());
  ASSERT_TRUE(taken.start(named("another")));
  const std::string used = taken.addresses()[0];
  const std::string bad = unix_path("bad.pem");
  std::ofstream(bad) << "no certificate\n";
  const std::string every = ":" + addresses_[1].substr(addresses_[1].rfind(':') + 1);
  const std::vector<Case> cases{
      {[&](auto& o) { o.listen = {"127.0.0.1:0", "http://127.0.0.1:0", "http://" + used}; },
       "in use by another process"},
      {[&](auto& o) { o.listen = {"127.0.0.1:0", "http://" + every}; }, "in a separate update"},
      {[&](auto& o) { o.listen = {"nonsense"}; }, "the port is missing"},
      {[&](auto& o) { o.listen = {"http://127.0.0.1:8", "http://127.0.0.1:8"}; }, "given twice"},
      {[&](auto& o) { o.listen = {"unix:/no/such/folder/s"}; }, "no such folder"},
      {[&](auto& o) { o.listen = {"127.0.0.1:0", "fd:web"}; }, "no open socket has the name"},
      {[&](auto& o) { o.tls.reset(), o.listen = "https://127.0.0.1:0"; }, "needs a certificate"},
      {[&](auto& o) {
         o.tls->self_signed = false;
         o.tls->certificates.push_back({.chain_file = bad});
       },
       bad},
      {[&](auto& o) { o.tls->ticket_key_file = bad; }, bad},
      {[&](auto& o) { o.tls->client_ca_file = bad; }, "client_auth"},
      {[&](auto& o) { o.trust = {"10.0.0.0/99"}; }, "trust"},
      {[&](auto& o) { o.max_requests_per_client = 0; }, "max_requests_per_client"},
      {[&](auto& o) { o.workers = 2000; }, "workers"},
      {[&](auto& o) { o.open_sockets.push_back({.descriptor = 0, .name = "in"}); }, "open_sockets"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.reason);
    auto next = before();
    // These limits would take effect at once.
    next.max_client_connections = 1;
    next.max_memory = 1;
    one.change(next);
    EXPECT_THAT(refused(next), HasSubstr(one.reason));
  }
}

TEST_F(FailingUpdate, ChangesNothingIfTheHandlerCannotBeMade) {
  start();
  EXPECT_THAT(refused([&] { return server().update(before(), std::shared_ptr<const Handler>()); }),
              HasSubstr("null"));
  EXPECT_THAT(refused([&] { return server().update_per_worker(before(), {}); }),
              HasSubstr("empty"));
  for (const bool throws : {false, true}) {
    auto next = before();
    const std::string file = unix_path("new.sock");
    next.listen = {"127.0.0.1:0", "http://127.0.0.1:0", "unix:" + file};
    std::atomic<int> calls = 0;
    EXPECT_THAT(refused([&] {
                  return server().update_per_worker(next, [&]() -> std::shared_ptr<const Handler> {
                    if (++calls == 1) return named("two");
                    if (throws) throw std::runtime_error("no database");
                    return nullptr;
                  });
                }),
                HasSubstr(throws ? "no database" : "returned null"));
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(std::filesystem::exists(file)) << "it was opened in vain";
  }
}

TEST_F(FailingUpdate, ChangesNothingWithoutDescriptors) {
  start();
  // Sets the limit on descriptors so that the update can open at most those that another thread
  // closes meanwhile, which are fewer than it needs. The limit is reset before refused() connects.
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int lowest = ::dup(0);
  rlimit tight = limit;
  tight.rlim_cur = static_cast<rlim_t>(lowest);
  ::close(lowest);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  auto next = before();
  std::vector<std::string> listen = {"127.0.0.1:0", "http://127.0.0.1:0"};
  listen.insert(listen.end(), 16, "http://127.0.0.1:0");
  next.listen = std::move(listen);
  const auto updated = server().update(std::move(next), named("two"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_THAT(refused([&] { return updated; }), HasSubstr("Too many open files"));
}

TEST_F(FailingUpdate, ChangesNothingWithoutMemory) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  start();
  const std::string file = unix_path("new.sock");
  const auto two = named("two");
  std::size_t succeed = 0;
  for (bool has_failed = true; has_failed; ++succeed) {
    SCOPED_TRACE(succeed);
    auto next = before();
    next.listen = {"127.0.0.1:0", "http://127.0.0.1:0", "unix:" + file};
    next.trust = {"10.0.0.0/8"};
    next.max_client_connections = 1;
    Result<void> updated;
    {
      const FailingAllocation failing(succeed);
      updated = server().update(std::move(next), two);
      has_failed = failing.is_over();
    }
    if (updated) {  // some allocations may fail without harm
      EXPECT_EQ(server().addresses().size(), 3u);
      EXPECT_TRUE(std::filesystem::exists(file));
      update(before(), named("one"));
      EXPECT_EQ(server().addresses(), addresses_);
    } else {
      refused([&] { return updated; });
    }
    EXPECT_TRUE(is_soon([&] { return !std::filesystem::exists(file); })) << "opened in vain";
    ASSERT_TRUE(has_failed || updated);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(succeed, 50u) << "so many allocations at least";
}

TEST_F(FailingUpdate, FailsBeforeTheStartAndAfterTheStop) {
  Server server(options());
  EXPECT_FALSE(server.update(options(), named("two")));
  ASSERT_TRUE(server.start(named("one")));
  EXPECT_TRUE(server.update(options(), named("two")));
  server.stop(0s);
  const auto late = server.update(options(), named("two"));
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().is(Errc::bad_option));
}

TEST_F(FailingUpdate, SucceedsIfTheServerWasStoppedBeforeItsStart) {
  Server server(options());
  EXPECT_TRUE(server.stop(0s));
  ASSERT_TRUE(server.start(named("one")));
  EXPECT_TRUE(server.update(options(), named("two")));
}

TEST_F(FailingUpdate, FailsDuringADrain) {
  start();
  client_->send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1; }));
  auto stopped = std::async(std::launch::async, [&] { return server().stop(5s); });
  ASSERT_TRUE(is_soon([&] { return !SocketClient(addresses_[1]).is_connected(); }));
  const auto updated = server().update(before(), named("two"));
  EXPECT_FALSE(updated);
  EXPECT_THAT(client_->read_response(), EndsWith("one"));
  EXPECT_TRUE(stopped.get());
}

TEST_F(FailingUpdate, FailsOnAWorker) {
  Server* self = nullptr;
  std::promise<std::string> said;
  UpdatedServer::start(options(), make_handler([&](Request) {
                         const auto updated = self->update(options(), named("two"));
                         said.set_value(updated ? "" : updated.error().to_string());
                         return Response(Status::ok);
                       }));
  self = &server();
  SocketClient(address()).get();
  EXPECT_THAT(said.get_future().get(), HasSubstr("another thread"));
}

TEST_F(FailingUpdate, SucceedsOnAWorkerOfAnotherServer) {
  UpdatedServer::start(options(), named("one"));
  Server admin(options());
  ASSERT_TRUE(admin.start(make_handler([&](Request) {
    return Response(server().update(options(), named("two")) ? Status::ok : Status::bad_request);
  })));
  EXPECT_THAT(SocketClient(admin.addresses()[0]).get(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(SocketClient(address()).get(), EndsWith("two"));
}

TEST_F(FailingUpdate, SucceedsForTheRemainingWorkers) {
  UpdatedServer::start(options(), make_handler([](Request request) {
                         if (request.url().path() == "/fail") {
                           io::Reactor::current().post([] { throw std::bad_alloc(); });
                         }
                         return Response(Status::ok, "one");
                       }));
  SocketClient(address()).get("/fail");
  update(options(), named("two"));
  EXPECT_TRUE(is_soon([&] { return SocketClient(address()).get().ends_with("two"); }));
}

TEST_F(FailingUpdate, ConcurrentUpdatesAreSerialized) {
  UpdatedServer::start(options(), named("one"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int n = 0; n < 20; ++n) {
        auto next = options();
        if (n % 2 == 0) next.listen = {"127.0.0.1:0", "127.0.0.1:0"};
        update(std::move(next), named("several"));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  update(options(), named("last"));
  EXPECT_EQ(server().addresses().size(), 1u);
  for (int i = 0; i < 10; ++i)
    EXPECT_THAT(SocketClient(address()).get(), EndsWith("last"));
}

TEST_F(FailingUpdate, FailsOnceTheServerIsStopped) {
  for (int round = 0; round < 20; ++round) {
    Server server(options());
    ASSERT_TRUE(server.start(named("one")));
    auto updating = std::async(std::launch::async, [&] {
      int count = 0;
      while (server.update(options(), named("two")))
        ++count;
      return count;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 5));
    EXPECT_TRUE(server.stop(5s));
    EXPECT_GE(updating.get(), 0);
  }
}

}  // namespace
}  // namespace onehop::test
