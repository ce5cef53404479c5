// SPDX-License-Identifier: Apache-2.0
#include "observe/syslog_socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace onehop::observe {
namespace {

// The facility "daemon", the severity "informational" (RFC 5424 §6.2.1).
constexpr std::string_view kPriority = "<30>";
// If the socket refuses even a message of this size, write() fails.
constexpr std::size_t kSmallMessage = 1024;

// Appends the local time as syslog(3) writes it, in English regardless of the locale.
void append_time(std::string& message, std::time_t now) {
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm fields{};
  ::localtime_r(&now, &fields);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), " %e %H:%M:%S ", &fields);
  message += kMonths[static_cast<std::size_t>(fields.tm_mon)];
  message.append(text.data(), size);
}

}  // namespace

SyslogSocket::SyslogSocket(std::string path) : path_(std::move(path)) {}

server::LineSink::Written SyslogSocket::write(std::string_view text, std::size_t /*at_most*/) {
  const std::string_view line = text.substr(0, text.find('\n'));
  message_ = kPriority;
  append_time(message_, std::time(nullptr));
  message_.append("onehop[").append(std::to_string(::getpid())).append("]: ").append(line);
  if (message_.size() > kLongestMessage) message_.resize(kLongestMessage);
  int error = socket_ ? send(message_) : ENOTCONN;
  if (error != 0 && error != EAGAIN && error != EINTR && error != EMSGSIZE) {
    error = connect();
    if (error == 0) error = send(message_);
  }
  while (error == EMSGSIZE && message_.size() > kSmallMessage) {
    message_.resize(message_.size() / 2);
    error = send(message_);
  }
  if (error != 0) return {.size = 0, .error = error};
  return {.size = line.size() + 1, .error = 0};
}

void SyslogSocket::wait_for_room(int milliseconds) {
  pollfd writable{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
  ::poll(&writable, 1, milliseconds);
}

std::string SyslogSocket::reopen() {
  const int error = connect();
  if (error == 0) return {};
  return "the syslog socket " + path_ + ": " + std::generic_category().message(error);
}

int SyslogSocket::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  io::FileDescriptor made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // NOLINTNEXTLINE(*-reinterpret-cast): the interface of connect(2)
  const auto* const general = reinterpret_cast<const sockaddr*>(&address);
  if (!made || ::connect(made.get(), general, sizeof address) != 0) return errno;
  socket_ = std::move(made);
  return 0;
}

int SyslogSocket::send(std::string_view message) const {
  const ssize_t sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
  return sent < 0 ? errno : 0;
}

}  // namespace onehop::observe
