// SPDX-License-Identifier: Apache-2.0
//
// CertificateKeeper manages the certificates that the program gets by ACME. It owns the store, the
// acme::Renewer and the thread that runs the renewer from begin() to end(), while this process
// serves and does not drain. Before begin() and after end(), the certificates in the store are
// served.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/tls.hpp>

#include "acme/renewer.hpp"
#include "config/configuration.hpp"
#include "observe/log.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onehop::program {

class CertificateKeeper {
 public:
  explicit CertificateKeeper(observe::Log& log);
  CertificateKeeper(const CertificateKeeper&) = delete;
  CertificateKeeper& operator=(const CertificateKeeper&) = delete;
  // Waits 2 s at most for the thread, which a store that does not respond may keep longer.
  ~CertificateKeeper();

  // Does everything that can fail: opens the store and loads a certificate for each name, which may
  // be self-signed. Adds them to the TLS options of `configuration`. The certificates in use do not
  // change. Errors: Errc::bad_option.
  Result<void> prepare(config::Configuration& configuration);
  // Puts the result of prepare() into use. Cannot fail.
  void commit(const config::Configuration& configuration) noexcept;
  // Creates the thread for begin() if there are certificates to manage. Throws std::system_error.
  void make_thread();
  // Starts to get and renew certificates in this process.
  void begin() noexcept;
  // Stops getting and renewing certificates for good; they stay in use. Does not wait for the
  // thread. May be called from any thread.
  void end() noexcept;

  // Returns the challenges for a handler, or null until a configuration has asked for certificates.
  std::shared_ptr<const acme::Challenges> challenges() const;
  // Both may be called from any thread.
  std::vector<acme::SiteStatus> status() const;
  acme::RenewerCounts counts() const;

 private:
  class Source;
  class Loop;
  struct Surroundings;

  Result<void> open(const config::Configuration& configuration);
  std::shared_ptr<acme::Renewer> renewer() const;
  // Starts the thread if begin() was called and there are certificates to manage.
  void start_loop();

  const std::shared_ptr<Surroundings> surroundings_;
  const std::shared_ptr<std::atomic<std::uint64_t>> version_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<acme::Renewer> renewer_;
  std::unique_ptr<Loop> loop_;
  bool acts_ = false;

  // The settings of the last prepare(), and those in use.
  acme::RenewerSettings next_, current_;
  std::shared_ptr<const Source> source_;
};

}  // namespace onehop::program
