// SPDX-License-Identifier: Apache-2.0
//
// ChildProcess is a program that this process has started. The destructor kills it if it is still
// running, unless let_go() was called.
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
    // A descriptor that the child inherits under the same number; -1 if only the standard ones.
    int inherited = -1;
    // Sends the child's standard output and error to read_output(), instead of to those of this
    // process.
    bool has_output = false;
  };

  // Starts the program with HUP, USR1 and USR2 blocked, as hold_other_signals() does, and all other
  // signals unblocked.
  static Result<ChildProcess> start(const Options& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill(); }

  pid_t id() const noexcept { return id_; }
  // Appends the child's output to `text`, up to 64 KiB in all, and discards the rest. Returns true
  // once the child has closed its output, false after `patience`.
  bool read_output(std::string& text, Duration patience);
  // Waits up to `patience` for the child to end. Returns a description such as "exit code 2", "" if
  // it succeeded, or std::nullopt if it is still running.
  std::optional<std::string> wait(Duration patience);
  // Sends TERM, as a service manager does.
  void terminate() noexcept;
  // Kills the child if it is still running.
  void kill() noexcept;
  // Lets the child outlive this object.
  void let_go() noexcept { id_ = -1; }

 private:
  ChildProcess() = default;
  std::string collect();

  pid_t id_ = -1;
  io::FileDescriptor ended_;  // readable once it has ended
  io::FileDescriptor output_;
};

}  // namespace onehop::program
