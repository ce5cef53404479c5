// SPDX-License-Identifier: Apache-2.0
#include "program/systemd_notify.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <ctime>

#include <sys/socket.h>
#include <sys/time.h>

namespace onehop::program {
namespace {

constexpr timeval kNotifyPatience = {.tv_sec = 3, .tv_usec = 0};

std::string with_status(std::string state, std::string_view status) {
  state += "\nSTATUS=";
  const auto begin = static_cast<std::ptrdiff_t>(state.size());
  state += status;
  std::replace(state.begin() + begin, state.end(), '\n', ' ');
  return state;
}

}  // namespace

Result<ManagerSocket> ManagerSocket::open(std::string_view name) {
  ManagerSocket made;
  const bool is_abstract = name.starts_with('@');
  // A path ends with a NUL; an abstract name begins with one, and its length counts.
  const std::size_t room = sizeof made.address_.sun_path - (is_abstract ? 0 : 1);
  if ((!is_abstract && !name.starts_with('/')) || name.size() < 2 || name.size() > room) {
    return failure(Errc::bad_option, Side::local,
                   "NOTIFY_SOCKET: '" + std::string(name) +
                       "' is neither the path of a unix socket nor an abstract one, '@name'");
  }
  made.address_.sun_family = AF_UNIX;
  std::ranges::copy(name, made.address_.sun_path);
  if (is_abstract) made.address_.sun_path[0] = '\0';
  made.size_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (is_abstract ? 0 : 1));
  made.socket_ = io::FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!made.socket_) {
    return failure(Error::system(errno, Side::local).with("cannot report to NOTIFY_SOCKET"));
  }
  ::setsockopt(made.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &kNotifyPatience,
               sizeof kNotifyPatience);
  return made;
}

// The socket is not connected, because a manager that restarts opens a new socket of the same name.
void ManagerSocket::send(const std::string& state) const noexcept {
  if (!is_open()) return;
  ssize_t sent = -1;
  do {
    sent = ::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address_), size_);
  } while (sent < 0 && errno == EINTR);
}

std::string ready_state(std::string_view status) {
  return with_status("READY=1", status);
}

std::string status_state(std::string_view status) {
  return with_status({}, status).substr(1);
}

std::string stopping_state(std::string_view status) {
  return with_status("STOPPING=1", status);
}

std::string reloading_state(std::string_view status) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const long long microseconds = now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
  return with_status("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds), status);
}

std::string watchdog_state() {
  return "WATCHDOG=1";
}

std::string main_state(pid_t main) {
  return "MAINPID=" + std::to_string(main);
}

}  // namespace onehop::program
