// SPDX-License-Identifier: Apache-2.0
#include "observe/log_file.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::observe {
namespace {

constexpr mode_t kMode = 0640;

struct Opened {
  io::FileDescriptor file;
  int error = 0;
  bool is_new = false;
};

// With O_NONBLOCK, opening a FIFO and writing to it do not wait for its reader.
Opened open_or_create(const std::string& path, bool follows_links) {
  const int flags =
      O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (follows_links ? 0 : O_NOFOLLOW);
  Opened opened;
  // Another program may create or delete the file between the two calls.
  for (int tries = 0; tries < 8; ++tries) {
    opened.file = io::FileDescriptor(::open(path.c_str(), flags));
    opened.is_new = false;
    if (opened.file || errno != ENOENT) break;
    // O_EXCL does not follow a link to a file that does not exist.
    const bool is_link = follows_links && std::filesystem::is_symlink(path);
    opened.file =
        io::FileDescriptor(::open(path.c_str(), flags | O_CREAT | (is_link ? 0 : O_EXCL), kMode));
    opened.is_new = static_cast<bool>(opened.file) && !is_link;
    if (opened.file || errno != EEXIST) break;
  }
  opened.error = opened.file ? 0 : errno;
  return opened;
}

bool is_fifo(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && S_ISFIFO(facts.st_mode);
}

// Returns the topmost folder of the path that does not exist; "" if all exist.
std::string missing_folder(const std::string& path) {
  std::string missing;
  std::error_code error;
  for (auto folder = std::filesystem::path(path).parent_path(); !folder.empty();
       folder = folder.parent_path()) {
    if (std::filesystem::exists(folder, error) || error) break;
    missing = folder.string();
    if (folder == folder.parent_path()) break;
  }
  return missing;
}

std::string reason(const std::string& path, int error, bool follows_links) {
  if (error == ENOENT) {
    const std::string missing = missing_folder(path);
    if (!missing.empty()) return path + ": the directory " + missing + " does not exist";
  }
  if (error == ELOOP && !follows_links) {
    return path + ": is a symbolic link, which is not followed with --user";
  }
  if (error == ENXIO) return path + ": is a socket: write syslog:" + path;
  return path + ": " + std::generic_category().message(error);
}

}  // namespace

LogFile::LogFile(std::string path, std::optional<FileOwner> owner)
    : path_(std::move(path)), owner_(owner) {}

server::LineSink::Written LogFile::write(std::string_view text, std::size_t at_most) {
  if (!file_) {
    Opened opened = open_or_create(path_, !owner_);
    if (!opened.file) return {.size = 0, .error = opened.error};
    file_ = std::move(opened.file);
  }
  const std::string_view piece = server::whole_lines(file_.get(), text, at_most);
  const ssize_t took = ::write(file_.get(), piece.data(), piece.size());
  if (took >= 0) return {.size = static_cast<std::size_t>(took), .error = 0};
  const int error = errno;
  if (error == EPIPE) file_.reset();  // the reader of the FIFO has gone; another may come
  return {.size = 0, .error = error};
}

void LogFile::wait_for_room(int milliseconds) {
  pollfd writable{.fd = file_.get(), .events = POLLOUT, .revents = 0};
  ::poll(&writable, 1, milliseconds);
}

std::string LogFile::reopen() {
  const bool follows_links = !owner_;
  Opened opened = open_or_create(path_, follows_links);
  if (opened.error != 0 && !(opened.error == ENXIO && is_fifo(path_))) {
    return reason(path_, opened.error, follows_links);
  }
  if (opened.is_new && owner_ && ::geteuid() == 0 &&
      ::fchown(opened.file.get(), owner_->user, owner_->group) != 0) {
    return path_ + ": its owner cannot be changed: " + std::generic_category().message(errno);
  }
  file_ = std::move(opened.file);
  return {};
}

}  // namespace onehop::observe
