// SPDX-License-Identifier: Apache-2.0
#include "program/predecessor.hpp"

#include <onehop/library_version.hpp>

#include "program/messages.hpp"
#include "program/upgrade.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

namespace onehop::program {
namespace {

constexpr std::chrono::seconds kHandoverPatience(30);

}  // namespace

std::optional<Predecessor> Predecessor::take() {
  const char* const value =
      ::getenv(kUpgradeVariable);  // NOLINT(concurrency-mt-unsafe): no other thread yet
  if (value == nullptr) return std::nullopt;
  const std::string text = value;
  ::unsetenv(kUpgradeVariable);  // NOLINT(concurrency-mt-unsafe)
  int descriptor = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), descriptor);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  int type = 0;
  socklen_t size = sizeof type;
  // Ignores a variable left over from another ancestor.
  if (!is_number || ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      type != SOCK_SEQPACKET || ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
    return std::nullopt;
  }
  return Predecessor(ProcessChannel(io::FileDescriptor(descriptor)));
}

Result<Handover> Predecessor::ask() {
  const Hello hello{.protocol = Handover::kProtocol, .version = std::string(library_version())};
  if (auto sent = send(channel_, hello); !sent) return failure(sent.error());
  return receive_handover(channel_, kHandoverPatience);
}

void Predecessor::refuse(std::string_view why) const {
  if (channel_.is_open()) (void)send_failed(channel_, why);
}

Result<void> Predecessor::take_over() {
  auto asked = send_ready(channel_);
  if (asked) asked = receive_go(channel_, kHandoverPatience);
  // If the other process has ended, this process alone serves.
  if (!asked && asked.error().is(Errc::closed)) return {};
  return asked;
}

ProcessChannel Predecessor::serve() {
  (void)send_serving(channel_);
  return std::move(channel_);
}

Result<std::shared_ptr<Arrival>> arrive(Predecessor from, ManagerEnvironment& manager) {
  auto handover = from.ask();
  if (!handover && handover.error().is(Errc::closed)) return std::shared_ptr<Arrival>();
  if (!handover) {
    from.refuse(reason_of(handover.error()));
    return failure(handover.error());
  }
  std::vector<HandedSocket> others;
  for (HandedSocket& one : handover->sockets) {
    if (one.name.empty()) {
      others.push_back(std::move(one));
    } else {  // stays open for the life of the process
      const int descriptor = one.socket.release();
      manager.sockets.push_back({std::move(one.name), descriptor, address_of_socket(descriptor)});
    }
  }
  handover->sockets = std::move(others);
  return std::make_shared<Arrival>(std::move(from), std::move(*handover));
}

}  // namespace onehop::program
