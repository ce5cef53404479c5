// SPDX-License-Identifier: Apache-2.0
//
// FileStore is a CertificateStore in a folder, which may be on a network file system. Files have
// mode 0600, folders 0700. An entry is written to a temporary file, which is then renamed.
//
// The right to renew is a kernel lock on the file "lock", in which its holder also writes a growing
// number. The number serves where the file system does not share locks between machines: a process
// that sees it grow does not have the right. If a holder on another machine has died, its number
// counts for kPatience. Thread: any.
#pragma once

#include "acme/certificate_store.hpp"
#include "io/file_descriptor.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

namespace onehop::acme {

class FileStore final : public CertificateStore {
 public:
  // If the number has not grown for this long, its holder is gone.
  static constexpr std::chrono::seconds kPatience{60};

  struct Owner {
    uid_t user;
    gid_t group;
  };
  // Creates the folder if necessary, and checks that it is writable. If `owner` is given,
  // everything in the folder is made to belong to that account, which the process is about to
  // switch to, and the folders of the store may not be links. Returns Errc::bad_option, with
  // advice, if the folder cannot be used.
  static Result<std::unique_ptr<FileStore>> open(const std::string& folder,
                                                 std::optional<Owner> owner = {});
  // Returns a store for reading; nothing is created or changed. save() fails if this process may
  // not write there.
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
  enum class Missing : std::uint8_t { fail, make };
  FileStore(std::string folder, std::optional<Owner> owner);
  std::string path_of(std::string_view name) const;
  Result<void> prepare();
  // Opens a folder of the store, or its own for "".
  Result<io::FileDescriptor> open_folder(std::string_view below,
                                         Missing missing = Missing::fail) const;
  void take_over(int descriptor) const;

  const std::string folder_;
  const std::optional<Owner> owner_;
  std::unique_ptr<Seen> seen_;  // the last mark seen of another holder
};

}  // namespace onehop::acme
