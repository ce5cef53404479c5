// SPDX-License-Identifier: Apache-2.0
//
// CertificateKeeper: the certificates that the program gets by ACME. It has the store and the
// acme::Renewer, and a thread on which that acts from begin() to end(): while this process serves
// and does not drain. Before and after that, the certificates of the store serve.
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
  ~CertificateKeeper();

  // Makes all that can fail: the store, and a certificate for each name, which may be self-signed.
  // Puts them into the TLS options of `configuration`. The ones in use do not change. Errors:
  // Errc::bad_option.
  Result<void> prepare(config::Configuration& configuration);
  // Puts what prepare() has made into use. Cannot fail.
  void commit(const config::Configuration& configuration) noexcept;
  // From here on this process gets and renews certificates. Throws std::system_error.
  void begin();
  // Ends that, on any thread. Certificates stay.
  void end() noexcept;

  // For a handler; null as long as no configuration wanted certificates.
  std::shared_ptr<const acme::Challenges> challenges() const;
  // Both from any thread.
  std::vector<acme::SiteStatus> status() const;
  acme::RenewerCounts counts() const;

 private:
  class Source;
  class Loop;

  Result<void> open(const config::Configuration& configuration);
  std::shared_ptr<const RoundTripper> make_transport() const;
  std::shared_ptr<acme::Renewer> renewer() const;
  // If this process acts and there is something to do.
  void start_loop();
  void announce(acme::Urgency urgency, std::string_view line) const;

  observe::Log& log_;
  const std::shared_ptr<std::atomic<std::uint64_t>> version_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<acme::Renewer> renewer_;
  std::string ca_file_;
  std::unique_ptr<Loop> loop_;
  bool acts_ = false;

  // Of the last prepare(), and of the settings in use.
  acme::RenewerSettings next_, current_;
  std::shared_ptr<const Source> source_;
};

}  // namespace onehop::program
