// SPDX-License-Identifier: Apache-2.0
#include "server/line_sink.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::server {
namespace {

class DescriptorSink final : public LineSink {
 public:
  explicit DescriptorSink(int descriptor) noexcept : descriptor_(descriptor) {}

  Written write(std::string_view text, std::size_t at_most) override {
    const std::string_view piece = whole_lines(descriptor_, text, at_most);
    const ssize_t took = ::write(descriptor_, piece.data(), piece.size());
    if (took < 0) return {.size = 0, .error = errno};
    return {.size = static_cast<std::size_t>(took), .error = 0};
  }
  void wait_for_room(int milliseconds) override {
    pollfd writable{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    ::poll(&writable, 1, milliseconds);
  }
  std::string reopen() override { return {}; }

 private:
  const int descriptor_;
};

}  // namespace

std::string_view whole_lines(int descriptor, std::string_view text, std::size_t at_most) noexcept {
  struct stat facts{};
  if (text.size() > PIPE_BUF && ::fstat(descriptor, &facts) == 0 && S_ISFIFO(facts.st_mode)) {
    at_most = std::min<std::size_t>(at_most, PIPE_BUF);
  }
  if (text.size() <= at_most) return text;
  const std::size_t end = text.rfind('\n', at_most - 1);
  return text.substr(0, end == std::string_view::npos ? at_most : end + 1);
}

std::unique_ptr<LineSink> descriptor_sink(int descriptor) {
  return std::make_unique<DescriptorSink>(descriptor);
}

}  // namespace onehop::server
