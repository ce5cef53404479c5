// SPDX-License-Identifier: Apache-2.0
#include "upstream/background_loop.hpp"

#include <exception>
#include <mutex>
#include <optional>

#include <pthread.h>

namespace onehop::upstream {

std::shared_ptr<BackgroundLoop> BackgroundLoop::get() {
  static std::mutex mutex;
  static std::weak_ptr<BackgroundLoop> only;
  const std::lock_guard lock(mutex);
  auto loop = only.lock();
  if (!loop) only = loop = std::make_shared<BackgroundLoop>();
  return loop;
}

BackgroundLoop::BackgroundLoop() : thread_([this] { serve(); }) {
  ::pthread_setname_np(thread_.native_handle(), "onehop/upstream");
  try {
    reactor_ = started_.get_future().get();
  } catch (...) {  // there is no event loop because no descriptors are left
    thread_.join();
    throw;
  }
}

BackgroundLoop::~BackgroundLoop() {
  reactor_->stop();
  thread_.join();
}

void BackgroundLoop::serve() {
  std::optional<io::Reactor> reactor;
  try {
    reactor.emplace();
  } catch (...) {
    return started_.set_exception(std::current_exception());
  }
  started_.set_value(&*reactor);
  reactor->run();
}

void BackgroundLoop::run(const std::function<void()>& work) {
  std::promise<void> done;
  const bool posted = reactor_->mailbox()->post_or_wait([&work, &done] {
    try {
      work();
      done.set_value();
    } catch (...) {
      done.set_exception(std::current_exception());
    }
  });
  if (posted) done.get_future().get();
}

}  // namespace onehop::upstream
