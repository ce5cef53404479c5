// SPDX-License-Identifier: Apache-2.0
//
// LogFile appends lines to a file, FIFO or device. Every write goes to the end, so that another
// program may truncate the file (logrotate's copytruncate). A LogFile never waits for the reader of
// a FIFO: without a reader, writes fail.
// Thread: owner.
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
  // Does not open the file; call reopen(). If the process is going to change its account, `owner`
  // is the new account: a file that is created belongs to it, and a symbolic link is not followed.
  explicit LogFile(std::string path, std::optional<FileOwner> owner = {});

  Written write(std::string_view text, std::size_t at_most) override;
  void wait_for_room(int milliseconds) override;
  // Opens the file. A new file has mode 0640, less the umask. Returns "", or one line with the path
  // and the reason if the file cannot be opened.
  std::string reopen() override;

 private:
  const std::string path_;
  const std::optional<FileOwner> owner_;
  io::FileDescriptor file_;  // not open for a FIFO without a reader
};

}  // namespace onehop::observe
