// SPDX-License-Identifier: Apache-2.0
#include "program/child_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace onehop::program {
namespace {

constexpr std::size_t kMaxOutput = 64UL * 1024;

using Clock = std::chrono::steady_clock;

// Destroys the file actions for posix_spawn(3).
struct Actions {
  posix_spawn_file_actions_t value{};
  Actions() { ::posix_spawn_file_actions_init(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
};
struct Attributes {
  posix_spawnattr_t value{};
  Attributes() { ::posix_spawnattr_init(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&value); }
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

void set_signals(posix_spawnattr_t& attributes) {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int held : {SIGHUP, SIGUSR1, SIGUSR2})
    sigaddset(&blocked, held);
  ::posix_spawnattr_setsigmask(&attributes, &blocked);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

// Waits until `descriptor` is readable. Returns false after `until`.
bool is_readable(int descriptor, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::clamp<long long>(left, 0, 3'600'000)));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= until) return false;
  }
}

// The C library of Debian 12 does not declare pidfd_open() for C++.
int open_pidfd(pid_t process) {
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}

std::unexpected<Error> refuse(int error, const std::string& what) {
  return failure(Error::system(error, Side::local).with(what));
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const Options& options) {
  ChildProcess child;
  Actions actions;
  Attributes attributes;
  set_signals(attributes.value);
  io::FileDescriptor output;
  if (options.has_output) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return refuse(errno, "cannot make a pipe");
    child.output_ = io::FileDescriptor(ends[0]);
    output = io::FileDescriptor(ends[1]);
    ::posix_spawn_file_actions_adddup2(&actions.value, output.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions.value, output.get(), STDERR_FILENO);
  }
  if (options.inherited >= 0) {  // duplicates it onto itself, so that it stays open in the child
    ::posix_spawn_file_actions_adddup2(&actions.value, options.inherited, options.inherited);
  }
  std::vector<std::string> arguments = {options.program};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = options.environment;
  const int error =
      ::posix_spawn(&child.id_, options.program.c_str(), &actions.value, &attributes.value,
                    pointers_to(arguments).data(), pointers_to(environment).data());
  if (error != 0) {
    child.id_ = -1;
    return refuse(error, "cannot start " + options.program);
  }
  child.ended_ = io::FileDescriptor(open_pidfd(child.id_));
  if (!child.ended_) return refuse(errno, "cannot watch " + options.program);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      ended_(std::move(other.ended_)),
      output_(std::move(other.output_)) {}

// Also reads the output beyond the limit, because a process that cannot write would not end.
bool ChildProcess::read_output(std::string& text, Duration patience) {
  const auto until = Clock::now() + patience;
  std::array<char, 4096> part{};
  while (output_ && is_readable(output_.get(), until)) {
    const ssize_t got = ::read(output_.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    const std::size_t room = kMaxOutput - std::min(kMaxOutput, text.size());
    text.append(part.data(), std::min(room, static_cast<std::size_t>(got)));
    if (Clock::now() >= until) return false;  // the child writes without end
  }
  return !output_;
}

std::optional<std::string> ChildProcess::wait(Duration patience) {
  if (id_ < 0 || !is_readable(ended_.get(), Clock::now() + patience)) return std::nullopt;
  return collect();
}

void ChildProcess::terminate() noexcept {
  if (id_ >= 0) ::kill(id_, SIGTERM);
}

void ChildProcess::kill() noexcept {
  if (id_ < 0) return;
  ::kill(id_, SIGKILL);
  int status = 0;
  while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
}

// Collects the exit status of the process, which has ended.
std::string ChildProcess::collect() {
  int status = 0;
  while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  const int code = WEXITSTATUS(status);
  return code == 0 ? std::string() : "exit code " + std::to_string(code);
}

}  // namespace onehop::program
