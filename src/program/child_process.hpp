// SPDX-License-Identifier: Apache-2.0
//
// ChildProcess: a program that this one has started. Its destructor kills it if it still runs,
// unless it was let go.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "io/file_descriptor.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace onehop::program {

class ChildProcess {
 public:
  using Duration = std::chrono::nanoseconds;

  struct Options {
    std::string program;                        // an absolute path
    std::vector<std::string> arguments = {};    // without the program's name
    std::vector<std::string> environment = {};  // "NAME=VALUE"
    // A descriptor that it inherits, under the same number; -1: none but the standard ones.
    int inherited = -1;
    // Its standard output and error come to read_output(), instead of where those of this process
    // go.
    bool has_output = false;
  };

  // The signals that end a program are not blocked in it; those that Signals holds back are.
  static Result<ChildProcess> start(const Options& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill(); }

  pid_t id() const noexcept { return id_; }
  // Appends its output to `text`, which keeps at most 64 KiB of it. Returns true when it has closed
  // its output, false after `patience`.
  bool read_output(std::string& text, Duration patience);
  // How it ended, for people, if it has or does within `patience`: "exit code 2". "" for a success.
  std::optional<std::string> wait(Duration patience);
  // Asks it to end, as a service manager does.
  void terminate() noexcept;
  // Ends it, if it has not ended.
  void kill() noexcept;
  // It lives on when this object dies.
  void let_go() noexcept { id_ = -1; }

 private:
  ChildProcess() = default;
  std::string collect();

  pid_t id_ = -1;
  io::FileDescriptor ended_;  // readable once it has ended
  io::FileDescriptor output_;
};

}  // namespace onehop::program
