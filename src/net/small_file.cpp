// SPDX-License-Identifier: Apache-2.0
#include "net/small_file.hpp"

#include "io/file_descriptor.hpp"
#include "net/locked_memory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::net {
namespace {

using std::chrono::steady_clock;

std::unexpected<std::string> refuse(const char* why) {
  return std::unexpected(std::string(why));
}

std::unexpected<std::string> refuse_errno(int error) {
  return std::unexpected(std::string(std::strerror(error)));  // NOLINT(concurrency-mt-unsafe)
}

const char* name_of(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "is a folder, not a file";
  if (S_ISFIFO(mode)) return "is a pipe, which can be read at start-up only";
  if (S_ISSOCK(mode)) return "is a socket, not a regular file";
  return "is a device, not a regular file";
}

bool is_allowed(mode_t mode, FileKinds kinds) noexcept {
  return S_ISREG(mode) || (S_ISFIFO(mode) && kinds == FileKinds::regular_or_pipe);
}

// Returns false if the writer takes too long.
bool wait_for_data(int pipe, steady_clock::time_point deadline) noexcept {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{pipe, POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(left.count()));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return false;
  }
}

// Overwrites a buffer that may contain a part of a key.
class Cleansed {
 public:
  explicit Cleansed(std::span<char> piece) : piece_(piece) {}
  Cleansed(const Cleansed&) = delete;
  Cleansed& operator=(const Cleansed&) = delete;
  ~Cleansed() { cleanse(piece_); }

 private:
  std::span<char> piece_;
};

}  // namespace

std::expected<std::string, std::string> read_small_file(const std::string& path,
                                                        FileKinds kinds,
                                                        std::chrono::milliseconds pipe_patience) {
  struct stat before{};
  // Checked before open(2), because opening a device can have side effects.
  if (::stat(path.c_str(), &before) != 0) return refuse_errno(errno);
  if (!is_allowed(before.st_mode, kinds)) return refuse(name_of(before.st_mode));
  const io::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return refuse_errno(errno);
  struct stat opened{};
  if (::fstat(file.get(), &opened) != 0) return refuse_errno(errno);
  if (!is_allowed(opened.st_mode, kinds)) return refuse(name_of(opened.st_mode));
  const bool is_pipe = S_ISFIFO(opened.st_mode);
  const auto deadline = steady_clock::now() + pipe_patience;
  std::string content;
  // A string that grows leaves copies of a key in freed memory.
  content.reserve(is_pipe ? kMaxInSmallFile
                          : std::min(static_cast<std::size_t>(opened.st_size), kMaxInSmallFile));
  std::array<char, 16 * 1024> piece;  // NOLINT: written before it is read
  const Cleansed cleansed(piece);
  for (;;) {
    if (is_pipe && !wait_for_data(file.get(), deadline)) {
      return refuse("is a pipe whose writer did not finish in time");
    }
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got == 0) break;
    if (got < 0 && (errno == EINTR || (is_pipe && errno == EAGAIN))) continue;
    if (got < 0) return refuse_errno(errno);
    content.append(piece.data(), static_cast<std::size_t>(got));
    if (content.size() > kMaxInSmallFile) return refuse("is larger than 1 MiB");
  }
  if (content.empty()) return refuse("is empty");
  return content;
}

}  // namespace onehop::net
