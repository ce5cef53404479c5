// SPDX-License-Identifier: Apache-2.0
//
// Restricts the files that a process may use, enforced by the kernel (landlock(7)). The calling
// thread and all threads and processes that it starts cannot undo the restriction. Landlock is
// called by system call number, because the headers of a distribution may be older than its kernel.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include <cstdint>
#include <expected>
#include <span>
#include <string>

namespace onehop::program {

enum class FileUse : std::uint8_t {
  read,     // read files, and list folders
  write,    // also write, create, rename and remove files
  execute,  // also start programs
};

// A file, or a folder with everything below it.
struct FilePlace {
  std::string path;  // absolute, without links
  FileUse use = FileUse::read;
  std::string setting = {};  // the setting that names it; "" if none does
  std::string table = {};    // TableSettings::title of the table that has the setting

  friend bool operator==(const FilePlace&, const FilePlace&) = default;
};

// Returns the version of the kernel's Landlock interface. Errors: ENOSYS if the kernel was built
// without Landlock, EOPNOTSUPP if Landlock is turned off, others if a system call filter forbids
// it.
std::expected<int, int> landlock_version();

// Restricts the calling thread, and the threads and processes that it starts afterwards, to these
// places. Places that do not exist are skipped. The process must be unable to gain privileges
// (PR_SET_NO_NEW_PRIVS). If the kernel's limit of nested restrictions is reached, the inherited
// restrictions stay in force and the call succeeds.
Result<void> restrict_files(std::span<const FilePlace> places);

}  // namespace onehop::program
