// SPDX-License-Identifier: Apache-2.0
//
// Landlock: the files that a process may use from then on, enforced by the kernel (landlock(7)). A
// thread and all that it starts, processes too, cannot undo it. By the numbers of its system calls:
// the headers of a distribution may be older than its kernel.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include <cstdint>
#include <expected>
#include <span>
#include <string>

namespace onehop::program {

enum class FileUse : std::uint8_t {
  read,     // files, and the names in folders
  write,    // and to write, make, rename and remove files
  execute,  // and to start a program
};

// A file, or a folder with all that is below it.
struct FilePlace {
  std::string path;  // absolute, without links
  FileUse use = FileUse::read;
  std::string setting = {};  // that names it; "" if none does
  std::string table = {};    // TableSettings::title of the table that has the setting

  friend bool operator==(const FilePlace&, const FilePlace&) = default;
};

// The version of the kernel's interface. Errors: ENOSYS if the kernel was built without Landlock,
// EOPNOTSUPP if it is turned off there, others if a filter of system calls forbids it.
std::expected<int, int> landlock_version();

// Restricts the calling thread, and whatever it starts from now on, to these places. One that does
// not exist is left out. It needs a process that cannot gain privileges (PR_SET_NO_NEW_PRIVS). At
// the limit of restrictions within each other, those of the parents stay, and it succeeds.
Result<void> restrict_files(std::span<const FilePlace> places);

}  // namespace onehop::program
