// SPDX-License-Identifier: Apache-2.0
//
// CertificateStore keeps keys and certificates by name: "account.pem",
// "certificates/app.example.org.pem". Several processes, also on different machines, may share a
// store. An entry is replaced as a whole or not at all, even if the writer fails. Only one thread
// at a time may call try_lock(). Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::acme {

// The right to renew, which only one process has at a time. The destructor releases it.
class StoreLock {
 public:
  StoreLock() = default;
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;
  virtual ~StoreLock() = default;

  // Shows other processes that this one is alive. Must be called every few seconds. Returns false
  // if another process may have the right. After that, and after an error, this process must stop.
  virtual Result<bool> renew() = 0;
};

class CertificateStore {
 public:
  CertificateStore() = default;
  CertificateStore(const CertificateStore&) = delete;
  CertificateStore& operator=(const CertificateStore&) = delete;
  virtual ~CertificateStore() = default;

  // Returns std::nullopt if the entry does not exist.
  virtual Result<std::optional<std::string>> load(std::string_view name) const = 0;
  // Once this has returned, the entry survives a loss of power.
  virtual Result<void> save(std::string_view name, std::string_view content) = 0;
  virtual Result<void> remove(std::string_view name) = 0;
  // Returns the names of the entries in `folder`, such as "certificates", without the folder.
  virtual Result<std::vector<std::string>> list(std::string_view folder) const = 0;
  // Returns a text that differs between two contents of an entry, or "" if the entry does not
  // exist. Cheap.
  virtual std::string stamp(std::string_view name) const = 0;
  // Returns null if another process has the right to renew.
  virtual Result<std::unique_ptr<StoreLock>> try_lock() = 0;
  // Returns the place for people to read: "/var/lib/onehop/acme".
  virtual std::string place() const = 0;
};

}  // namespace onehop::acme
