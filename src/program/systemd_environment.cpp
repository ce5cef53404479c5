// SPDX-License-Identifier: Apache-2.0
#include "program/systemd_environment.hpp"

#include "net/address.hpp"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace onehop::program {
namespace {

constexpr int kFirstSocket = 3;  // SD_LISTEN_FDS_START
// No manager passes more, and the numbers of the descriptors fit into an int.
constexpr std::uint64_t kMaxSockets = 4096;

// Returns the variable and removes it from the environment, or std::nullopt if it is not set.
std::optional<std::string> take(const char* name) {
  const char* const value = ::getenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread yet
  if (value == nullptr) return std::nullopt;
  std::optional<std::string> taken(value);
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  return taken;
}

std::optional<std::uint64_t> decimal_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_for_us(const std::optional<std::string>& pid) {
  return pid && decimal_in(*pid) == static_cast<std::uint64_t>(::getpid());
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (;;) {
    const auto colon = text.find(':');
    names.emplace_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return names;
    text.remove_prefix(colon + 1);
  }
}

config::Parsed<std::vector<InheritedSocket>> take_sockets() {
  const auto pid = take("LISTEN_PID");
  const auto count_text = take("LISTEN_FDS");
  const auto names_text = take("LISTEN_FDNAMES");
  std::vector<InheritedSocket> sockets;
  if (!count_text || !is_for_us(pid)) return sockets;
  const auto count = decimal_in(*count_text);
  if (!count || *count > kMaxSockets) {
    return config::refused("LISTEN_FDS: '" + *count_text + "' is not a number of sockets");
  }
  std::vector<std::string> names;
  if (names_text) names = split_names(*names_text);
  if (names_text && names.size() != *count) {
    return config::refused("LISTEN_FDNAMES has " + std::to_string(names.size()) + " names for " +
                           *count_text + " sockets");
  }
  names.resize(*count, "unknown");  // as sd_listen_fds_with_names(3) calls them
  for (std::string& name : names) {
    const int descriptor = kFirstSocket + static_cast<int>(sockets.size());
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
      return config::refused("LISTEN_FDS is " + *count_text + ", but descriptor " +
                             std::to_string(descriptor) + " is not open");
    }
    sockets.push_back({std::move(name), descriptor, address_of_socket(descriptor)});
  }
  return sockets;
}

config::Parsed<std::chrono::microseconds> take_watchdog() {
  const auto pid = take("WATCHDOG_PID");
  const auto text = take("WATCHDOG_USEC");
  if (!text || (pid && !is_for_us(pid))) return std::chrono::microseconds(0);
  const auto number = decimal_in(*text);
  // All ones mean infinity.
  if (number == std::numeric_limits<std::uint64_t>::max()) return std::chrono::microseconds(0);
  constexpr std::uint64_t kYear = 365ULL * 24 * 3600 * 1'000'000;
  if (!number || *number == 0 || *number > kYear) {
    return config::refused("WATCHDOG_USEC: '" + *text + "' is not a number of microseconds");
  }
  return std::chrono::microseconds(*number);
}

}  // namespace

std::string address_of_socket(int descriptor) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(descriptor, address, &size) != 0) return {};
  return net::Address(address, size).to_string();
}

config::Parsed<ManagerEnvironment> take_manager_environment() {
  ManagerEnvironment taken;
  taken.notify_socket = take("NOTIFY_SOCKET").value_or("");
  auto watchdog = take_watchdog();
  auto sockets = take_sockets();
  if (!watchdog) return config::refused(watchdog.error());
  if (!sockets) return config::refused(sockets.error());
  taken.watchdog = *watchdog;
  taken.sockets = *std::move(sockets);
  return taken;
}

}  // namespace onehop::program
