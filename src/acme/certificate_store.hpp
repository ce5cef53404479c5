// SPDX-License-Identifier: Apache-2.0
//
// CertificateStore: where keys and certificates are kept, by name: "account.pem",
// "certificates/app.example.org.pem". Several processes, also of different machines, may share one.
// Each entry is replaced as a whole or not at all, whatever happens to the writer. Only one thread
// at a time calls try_lock(). Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::acme {

// The right to renew, which one process has at a time. Destroying it gives it back.
class StoreLock {
 public:
  StoreLock() = default;
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;
  virtual ~StoreLock() = default;

  // Shows the others that this process is alive; called every few seconds. Returns false if another
  // process may have the right. After that, and after an error, this one stops.
  virtual Result<bool> renew() = 0;
};

class CertificateStore {
 public:
  CertificateStore() = default;
  CertificateStore(const CertificateStore&) = delete;
  CertificateStore& operator=(const CertificateStore&) = delete;
  virtual ~CertificateStore() = default;

  // std::nullopt if there is no such entry.
  virtual Result<std::optional<std::string>> load(std::string_view name) const = 0;
  // When it returns, the entry survives a loss of power.
  virtual Result<void> save(std::string_view name, std::string_view content) = 0;
  virtual Result<void> remove(std::string_view name) = 0;
  // The names of the entries below "certificates/", without that.
  virtual Result<std::vector<std::string>> list(std::string_view folder) const = 0;
  // Differs between two contents of an entry; "" if there is none. Cheap.
  virtual std::string stamp(std::string_view name) const = 0;
  // Null if another process has the right to renew.
  virtual Result<std::unique_ptr<StoreLock>> try_lock() = 0;
  // For people: "/var/lib/onehop/acme".
  virtual std::string place() const = 0;
};

}  // namespace onehop::acme
