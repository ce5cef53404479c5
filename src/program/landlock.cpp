// SPDX-License-Identifier: Apache-2.0
#include "program/landlock.hpp"

#include "io/file_descriptor.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace onehop::program {
namespace {

// These numbers are the same on every architecture.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr unsigned kPathBeneath = 1;

using Rights = std::uint64_t;
constexpr Rights kExecute = 1U << 0U;
constexpr Rights kWriteFile = 1U << 1U;
constexpr Rights kReadFile = 1U << 2U;
constexpr Rights kReadFolder = 1U << 3U;
constexpr Rights kRemoveAndMake = 0x1ff0;  // bits 4 to 12
constexpr Rights kRefer = 1U << 13U;       // version 2: rename to another folder
constexpr Rights kTruncate = 1U << 14U;    // version 3
constexpr Rights kDevice = 1U << 15U;      // version 5: ioctl(2)

// The kernel accepts a shorter struct, so later members can be left out.
struct RulesetAttributes {
  Rights handled;
};

struct [[gnu::packed]] PathAttributes {
  Rights allowed;
  std::int32_t folder;
};

Rights known_to(int version) noexcept {
  Rights rights = kExecute | kWriteFile | kReadFile | kReadFolder | kRemoveAndMake;
  if (version >= 2) rights |= kRefer;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kDevice;
  return rights;
}

Rights rights_for(FileUse use, bool is_folder) noexcept {
  Rights rights = kReadFile;
  if (use == FileUse::execute) rights |= kExecute;
  if (use == FileUse::write) rights |= kWriteFile | kTruncate;
  if (!is_folder) return rights;
  rights |= kReadFolder;
  if (use == FileUse::write) rights |= kRemoveAndMake | kRefer;
  return rights;
}

std::unexpected<Error> cannot(const std::string& what) {
  return failure(Error::system(errno, Side::local).with("landlock: cannot " + what));
}

Result<void> allow(int ruleset, const FilePlace& place, Rights known) {
  const io::FileDescriptor file(::open(place.path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return {};
  const PathAttributes attributes{.allowed = rights_for(place.use, S_ISDIR(status.st_mode)) & known,
                                  .folder = file.get()};
  if (::syscall(kAddRule, ruleset, kPathBeneath, &attributes, 0U) == 0) return {};
  return cannot("allow " + place.path);
}

}  // namespace

std::expected<int, int> landlock_version() {
  const long version = ::syscall(kCreateRuleset, nullptr, std::size_t{0}, kAskVersion);
  if (version < 0) return std::unexpected(errno);
  return static_cast<int>(version);
}

Result<void> restrict_files(std::span<const FilePlace> places) {
  const RulesetAttributes attributes{.handled = known_to(landlock_version().value_or(0))};
  const io::FileDescriptor ruleset(
      static_cast<int>(::syscall(kCreateRuleset, &attributes, sizeof(attributes), 0U)));
  if (!ruleset) return cannot("create a ruleset");
  for (const FilePlace& place : places) {
    if (auto allowed = allow(ruleset.get(), place, attributes.handled); !allowed) return allowed;
  }
  if (::syscall(kRestrictSelf, ruleset.get(), 0U) == 0 || errno == E2BIG) return {};
  return cannot("restrict the process");
}

}  // namespace onehop::program
