// SPDX-License-Identifier: Apache-2.0
//
// BackgroundLoop is an event loop on its own thread, for health checks and for looking up the names
// of endpoints. All upstreams of the process share one, which exists as long as one of them needs
// it.
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
  // Returns the existing loop, or a new one. Throws std::system_error if the system refuses a
  // thread or a descriptor.
  static std::shared_ptr<BackgroundLoop> get();

  BackgroundLoop();
  BackgroundLoop(const BackgroundLoop&) = delete;
  BackgroundLoop& operator=(const BackgroundLoop&) = delete;
  // Stops the loop and waits until the thread has ended.
  ~BackgroundLoop();

  // Runs `work` in the loop and waits until it has ended. Rethrows its exceptions.
  void run(const std::function<void()>& work);

 private:
  void serve();

  std::promise<io::Reactor*> started_;
  std::thread thread_;
  io::Reactor* reactor_ = nullptr;
};

}  // namespace onehop::upstream
