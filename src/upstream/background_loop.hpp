// SPDX-License-Identifier: Apache-2.0
//
// BackgroundLoop: an event loop on a thread of its own, for health checks and for the names of
// endpoints. All upstreams of the process share it; it lives as long as one of them needs it.
// Thread: any.
#pragma once

#include "io/reactor.hpp"

#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace onehop::upstream {

class BackgroundLoop {
 public:
  // The one that exists, or a new one. Throws std::system_error if the system refuses a thread or
  // a descriptor.
  static std::shared_ptr<BackgroundLoop> get();

  BackgroundLoop();
  BackgroundLoop(const BackgroundLoop&) = delete;
  BackgroundLoop& operator=(const BackgroundLoop&) = delete;
  // Waits for the end of the thread.
  ~BackgroundLoop();

  // Runs `work` in the loop and waits for its end. Throws what it throws.
  void run(const std::function<void()>& work);

 private:
  void serve();

  std::promise<io::Reactor*> started_;
  std::thread thread_;
  io::Reactor* reactor_ = nullptr;
};

}  // namespace onehop::upstream
