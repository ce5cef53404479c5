// SPDX-License-Identifier: Apache-2.0
#include "program/readable_files.hpp"

#include "io/file_descriptor.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace onehop::program {
namespace {

constexpr char kYes = 'y';
constexpr char kNo = 'n';

bool can_open(const std::string& file) {
  return static_cast<bool>(
      io::FileDescriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)));
}

// Opens the folder's own entry, which needs the same right as any other entry in it.
bool can_enter(const std::string& folder) {
  return static_cast<bool>(io::FileDescriptor(::open((folder + "/.").c_str(), O_PATH | O_CLOEXEC)));
}

// Runs in the child. Writes one byte for each file.
[[noreturn]] void answer(const config::Account& account,
                         const std::vector<std::string>& files,
                         bool (*can_use)(const std::string&),
                         int writer) {
  if (!config::become(account)) ::_exit(1);
  std::string answers;
  for (const std::string& file : files)
    answers += can_use(file) ? kYes : kNo;
  const auto written = ::write(writer, answers.data(), answers.size());
  ::_exit(written == static_cast<ssize_t>(answers.size()) ? 0 : 1);
}

std::string read_all(int reader) {
  std::string text;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = ::read(reader, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::vector<bool> tried_as(const config::Account& account,
                           const std::vector<std::string>& files,
                           bool (*can_use)(const std::string&)) {
  std::array<int, 2> ends{};
  if (files.empty() || ::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const io::FileDescriptor reader(ends[0]);
  io::FileDescriptor writer(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) answer(account, files, can_use, writer.get());
  writer.reset();
  const std::string answers = child > 0 ? read_all(reader.get()) : std::string();
  if (child > 0) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  std::vector<bool> usable;
  for (const char one : answers)
    usable.push_back(one == kYes);
  return usable;
}

}  // namespace

std::vector<bool> readable_as(const config::Account& account,
                              const std::vector<std::string>& files) {
  return tried_as(account, files, &can_open);
}

std::optional<bool> enterable_as(const config::Account& account, const std::string& folder) {
  const std::vector<bool> tried = tried_as(account, {folder}, &can_enter);
  if (tried.empty()) return std::nullopt;
  return tried.front();
}

}  // namespace onehop::program
