// SPDX-License-Identifier: Apache-2.0
//
// RenewerTest runs Renewers with in-memory authorities, a store in a folder, and a clock set by the
// test.
// Thread: owner.
#pragma once

#include "acme/file_store.hpp"
#include "acme/renewer.hpp"
#include "io/reactor.hpp"
#include "support/acme_authority.hpp"
#include "support/run_task.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::acme {

// Chooses the authority by the host of the URL.
class Authorities final : public RoundTripper {
 public:
  task<Result<Response>> round_trip(Request request) const override {
    const AcmeAuthority& chosen = of(request);
    co_return co_await chosen.round_trip(std::move(request));
  }
  AcmeAuthority first;
  AcmeAuthority second{"second.test"};

 private:
  const AcmeAuthority& of(const Request& request) const {
    return request.url().authority() == "second.test" ? second : first;
  }
};

class RenewerTest : public ::testing::Test {
 protected:
  RenewerTest() {
    std::string name = (std::filesystem::temp_directory_path() / "onehop-renewer-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    folder_ = name;
    settings_.names = {"a.example"};
    settings_.authorities = {authorities_->first.directory()};
    settings_.challenges = {"http-01", "tls-alpn-01"};
  }
  ~RenewerTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Renewer> make() {
    Renewer::Hooks hooks;
    hooks.log = [this](Urgency level, std::string_view line) { log_.emplace_back(level, line); };
    hooks.on_change = [this] { ++changes_; };
    hooks.make_transport = [this] {
      ++transports_;
      return authorities_;
    };
    hooks.now = [this] { return now_; };
    hooks.random = [] { return 0.0; };
    Renewer::Times times;
    times.share = std::chrono::nanoseconds(1);
    times.first_look_at_order = std::chrono::milliseconds(1);
    times.patience = patience_;
    times.longest = longest_;
    times.look = std::chrono::milliseconds(5);
    times.beat = std::chrono::milliseconds(5);
    auto store = FileStore::open(folder_ + "/acme");
    EXPECT_TRUE(store);
    auto renewer = std::make_unique<Renewer>(std::move(*store), std::move(hooks), times);
    EXPECT_TRUE(renewer->add(settings_.names));
    renewer->set(settings_);
    return renewer;
  }

  void look(Renewer& renewer) {
    authorities_->first.now = authorities_->second.now = now_;
    run_task(reactor_, renewer.look());
  }

  static SiteStatus status_of(const Renewer& renewer) { return renewer.status().at(0); }
  std::string served(const Renewer& renewer) { return *renewer.sites(settings_.names).at(0).pair; }
  std::string file() const {
    std::ifstream in(folder_ + "/acme/certificates/a.example.pem");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  io::Reactor reactor_;
  std::string folder_;
  WallTime now_ = std::chrono::system_clock::now();
  std::shared_ptr<Authorities> authorities_ = std::make_shared<Authorities>();
  AcmeAuthority& authority_ = authorities_->first;
  RenewerSettings settings_;
  std::vector<std::pair<Urgency, std::string>> log_;
  int changes_ = 0;
  int transports_ = 0;
  std::chrono::nanoseconds patience_ = std::chrono::minutes(5);
  std::chrono::nanoseconds longest_ = std::chrono::minutes(15);
};

}  // namespace onehop::acme
