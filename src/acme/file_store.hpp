// SPDX-License-Identifier: Apache-2.0
//
// FileStore: a CertificateStore in a folder, which may be on a network file system. Files have mode
// 0600, folders 0700. An entry is written to another file first, which then takes its name.
//
// The right to renew is a lock of the kernel on the file "lock", in which its holder also writes a
// number that grows. Where the file system does not carry locks between machines, the number does:
// a process that sees it grow does not have the right. The number of a holder on another machine
// that has died counts for kPatience. Thread: any.
#pragma once

#include "acme/certificate_store.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

namespace onehop::acme {

class FileStore final : public CertificateStore {
 public:
  // Without a sign of life for so long, the holder of the right is gone.
  static constexpr std::chrono::seconds kPatience{60};

  struct Owner {
    uid_t user;
    gid_t group;
  };
  // Makes the folder, if it has to, and tries to write there. With `owner`, everything in it
  // belongs to that account: the process is about to become that. Errors: Errc::bad_option, with
  // what to do.
  static Result<std::unique_ptr<FileStore>> open(const std::string& folder,
                                                 std::optional<Owner> owner = {});
  // One that is only looked at, as it is. Saving fails if this process may not write there.
  static std::unique_ptr<FileStore> view(const std::string& folder);
  ~FileStore() override;

  Result<std::optional<std::string>> load(std::string_view name) const override;
  Result<void> save(std::string_view name, std::string_view content) override;
  Result<void> remove(std::string_view name) override;
  Result<std::vector<std::string>> list(std::string_view folder) const override;
  std::string stamp(std::string_view name) const override;
  Result<std::unique_ptr<StoreLock>> try_lock() override;
  std::string place() const override { return folder_; }

 private:
  struct Seen;
  FileStore(std::string folder, std::optional<Owner> owner);
  std::string path_of(std::string_view name) const;
  Result<void> prepare();
  void take_over(const std::string& path) const;

  const std::string folder_;
  const std::optional<Owner> owner_;
  std::unique_ptr<Seen> seen_;  // the last sign of life of another holder
};

}  // namespace onehop::acme
