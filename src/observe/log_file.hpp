// SPDX-License-Identifier: Apache-2.0
//
// LogFile: a file, FIFO or device that lines are appended to. Every write goes to its end, so that
// another program may truncate it (logrotate's copytruncate). It never waits for the reader of a
// FIFO: without one, writes fail until there is one. Thread: owner.
#pragma once

#include "io/file_descriptor.hpp"
#include "server/line_sink.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace onehop::observe {

// The account that a new file belongs to.
struct FileOwner {
  uid_t user = 0;
  gid_t group = 0;
};

class LogFile final : public server::LineSink {
 public:
  // Opens nothing yet: that is reopen(). If the process is going to change its account, `owner` is
  // the new one: a file that is created belongs to it, and a symbolic link is not followed.
  explicit LogFile(std::string path, std::optional<FileOwner> owner = {});

  Written write(std::string_view text, std::size_t at_most) override;
  void wait_for_room(int milliseconds) override;
  // A new file has mode 0640, less the umask. Returns why it could not be opened: one line with the
  // path.
  std::string reopen() override;

 private:
  const std::string path_;
  const std::optional<FileOwner> owner_;
  io::FileDescriptor file_;  // none: a FIFO without a reader
};

}  // namespace onehop::observe
