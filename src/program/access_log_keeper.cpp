// SPDX-License-Identifier: Apache-2.0
#include "program/access_log_keeper.hpp"

#include "program/open_logs.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace onehop::program {

Result<AccessLogKeeper::Prepared> AccessLogKeeper::prepare(
    const config::Configuration& configuration) const {
  Prepared next{.log = current_.log,
                .format = configuration.access_log,
                .destination = configuration.access_log_to,
                .fields = configuration.access_log_fields};
  const bool is_same = next.log && next.format == current_.format &&
                       next.destination == current_.destination && next.fields == current_.fields;
  if (is_same) return next;
  auto opened = open_access_log(configuration, log_);
  if (!opened) return failure(opened.error());
  next.log = std::move(*opened);
  return next;
}

// Ending an access log may wait for its reader. So it is done here, and not by a worker that drops
// the last reference, and without the lock. Until then the log's lost lines are counted as before.
void AccessLogKeeper::commit(Prepared prepared) {
  const auto unused = unused_logs();
  for (const auto& log : unused)
    log->finish();
  const std::lock_guard lock(mutex_);
  for (const auto& log : unused) {
    lost_before_ += log->lost();
    std::erase_if(old_, [&log](const Prepared& old) { return old.log == log; });
  }
  if (current_.log && current_.log != prepared.log) old_.push_back(std::move(current_));
  current_ = std::move(prepared);
}

// Returns the old logs that nothing else refers to, so that nothing will use them.
std::vector<std::shared_ptr<observe::AccessLog>> AccessLogKeeper::unused_logs() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<observe::AccessLog>> unused;
  for (const Prepared& old : old_) {
    if (old.log.use_count() == 1) unused.push_back(old.log);
  }
  return unused;
}

void AccessLogKeeper::reopen() {
  bool is_any = false;
  {
    const std::lock_guard lock(mutex_);
    const auto reopen_one = [&is_any](const Prepared& one) {
      if (!one.log || !can_be_opened_again(one.format, one.destination)) return;
      one.log->reopen();  // reports its own result
      is_any = true;
    };
    // Reopening a log without requests would only create a file that stays empty.
    for (const Prepared& old : old_) {
      if (old.log.use_count() > 1) reopen_one(old);
    }
    reopen_one(current_);
    if (is_any) ++reopens_;
  }
  if (!is_any) log_.announce("USR1 was ignored: the access log is neither a file nor a socket");
}

std::uint64_t AccessLogKeeper::reopens() const {
  const std::lock_guard lock(mutex_);
  return reopens_;
}

std::uint64_t AccessLogKeeper::lost() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = lost_before_;
  for (const Prepared& old : old_)
    sum += old.log->lost();
  return current_.log ? sum + current_.log->lost() : sum;
}

std::shared_ptr<observe::AccessLog> AccessLogKeeper::get() const {
  const std::lock_guard lock(mutex_);
  return current_.log;
}

// Waits for readers without the lock, and a commit() may remove logs meanwhile.
void AccessLogKeeper::finish() noexcept {
  std::vector<std::shared_ptr<observe::AccessLog>> logs;
  try {
    const std::lock_guard lock(mutex_);
    for (const Prepared& old : old_)
      logs.push_back(old.log);
    if (current_.log) logs.push_back(current_.log);
  } catch (const std::bad_alloc&) {  // the destructors of the others write their lines
  }
  for (const auto& log : logs)
    log->finish();
}

}  // namespace onehop::program
