// SPDX-License-Identifier: Apache-2.0
//
// UpdatedServer has a server with two workers on loopback, which a test updates.
// Thread: owner.
#pragma once

#include <onehop/scope.hpp>
#include <onehop/server.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::test {

// Responds with its name, after 200 ms if the path is /late.
class NamedHandler final : public Handler {
 public:
  explicit NamedHandler(std::string name) : name_(std::move(name)) {}
  task<Response> serve(Request request) const override {
    if (request.url().path() == "/late") co_await sleep_for(std::chrono::milliseconds(200));
    co_return Response(Status::ok, name_);
  }

 private:
  std::string name_;
};

inline std::shared_ptr<const Handler> named(std::string name) {
  return std::make_shared<NamedHandler>(std::move(name));
}

// Reports whether the condition holds within 5 s.
template <class Condition>
bool is_soon(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class UpdatedServer : public ::testing::Test {
 protected:
  UpdatedServer() {
    std::string name = (std::filesystem::temp_directory_path() / "onehop-update-XXXXXX").string();
    if (::mkdtemp(name.data())) folder_ = name;
  }
  ~UpdatedServer() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  UpdatedServer(const UpdatedServer&) = delete;
  UpdatedServer& operator=(const UpdatedServer&) = delete;

  static Server::Options options() {
    Server::Options options;
    options.listen = "127.0.0.1:0";
    options.workers = 2;
    options.log = [](LogLevel, std::string_view) {};
    return options;
  }
  void start(Server::Options options, std::shared_ptr<const Handler> handler) {
    server_ = std::make_unique<Server>(std::move(options));
    const auto started = server_->start(std::move(handler));
    if (!started) throw std::runtime_error(started.error().to_string());
  }
  void update(Server::Options options, std::shared_ptr<const Handler> handler) {
    const auto updated = server_->update(std::move(options), std::move(handler));
    EXPECT_TRUE(updated) << updated.error().to_string();
  }
  Server& server() { return *server_; }
  std::string address() { return server_->addresses().front(); }
  // Returns a path in a folder that is removed with the test.
  std::string unix_path(const std::string& file) const { return folder_ / file; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
};

}  // namespace onehop::test
