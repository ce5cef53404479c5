// SPDX-License-Identifier: Apache-2.0
#include <onehop/worker_ref.hpp>

#include "base/exception_text.hpp"
#include "io/mailbox.hpp"
#include "io/reactor.hpp"

#include <cstdio>
#include <stdexcept>

namespace onehop {

bool WorkerRef::post(std::function<void()> work) const {
  if (!work) throw std::invalid_argument("WorkerRef::post: the function is empty");
  if (!mailbox_) return false;
  // An exception must not leave the event loop: it would end the worker.
  return mailbox_->post([work = std::move(work)] {
    try {
      work();
    } catch (...) {
      std::fprintf(stderr, "onehop: a function posted to a worker threw: %s\n",
                   exception_text().c_str());
    }
  });
}

bool WorkerRef::is_current() const noexcept {
  const io::Reactor* reactor = io::Reactor::current_or_null();
  return reactor && mailbox_ == reactor->mailbox();
}

WorkerRef current_worker() {
  return WorkerRef(io::Reactor::current().mailbox());
}

}  // namespace onehop
