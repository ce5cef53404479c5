// SPDX-License-Identifier: Apache-2.0
#include "program/process_channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>

namespace onehop::program {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSendPatience(1);

// Room for the descriptors of one message.
union Control {
  std::array<char, CMSG_SPACE(ProcessChannel::kMaxDescriptors * sizeof(int))> room;
  cmsghdr header;  // for its alignment
};

std::unexpected<Error> refuse(int error) {
  return failure(Error::system(error, Side::local));
}

std::unexpected<Error> refuse_closed() {
  return failure(Errc::closed, Side::local, "the other process has ended");
}

// Waits for `events`. Returns false after `patience`.
bool wait_for(int socket, short events, ProcessChannel::Duration patience) {
  const auto until = Clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd one{.fd = socket, .events = events, .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::clamp<long long>(left, 0, 3'600'000)));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= until) return false;
  }
}

std::vector<io::FileDescriptor> descriptors_in(msghdr& message) {
  std::vector<io::FileDescriptor> all;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof descriptor);
      all.emplace_back(descriptor);
    }
  }
  return all;
}

}  // namespace

Result<std::pair<ProcessChannel, ProcessChannel>> ProcessChannel::make() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return refuse(errno);
  }
  return std::pair(ProcessChannel(io::FileDescriptor(ends[0])),
                   ProcessChannel(io::FileDescriptor(ends[1])));
}

Result<void> ProcessChannel::send(std::string_view text, std::span<const int> descriptors) const {
  if (text.size() > kMaxText || descriptors.size() > kMaxDescriptors) return refuse(EMSGSIZE);
  iovec content{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.room.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
  }
  for (;;) {
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET) return refuse_closed();
    if (errno != EAGAIN || !wait_for(socket_.get(), POLLOUT, kSendPatience)) return refuse(errno);
  }
}

Result<ProcessChannel::Message> ProcessChannel::receive(Duration patience) const {
  if (!wait_for(socket_.get(), POLLIN, patience)) {
    return failure(Errc::timed_out, Side::local, "timed out waiting for the other process");
  }
  Message received;
  received.text.resize(kMaxText);
  iovec content{.iov_base = received.text.data(), .iov_len = received.text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = control.room.data();
  message.msg_controllen = control.room.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return refuse_closed();
  if (got < 0) return refuse(errno);
  received.descriptors = descriptors_in(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return refuse(EBADMSG);
  received.text.resize(static_cast<std::size_t>(got));
  return received;
}

}  // namespace onehop::program
