// SPDX-License-Identifier: Apache-2.0
#include "program/file_checks.hpp"

#include <onehop/tls.hpp>

#include "acme/jws.hpp"
#include "config/acme_settings.hpp"
#include "config/credential.hpp"
#include "config/listeners.hpp"
#include "config/tables.hpp"
#include "net/address.hpp"
#include "net/small_file.hpp"
#include "net/tls_context.hpp"
#include "net/tls_ticket_keys.hpp"
#include "observe/log_destination.hpp"
#include "program/named_files.hpp"
#include "program/readable_files.hpp"
#include "upstream/group.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace onehop::program {
namespace {

namespace fs = std::filesystem;

using config::Severity;

constexpr auto kKinds = net::FileKinds::regular_or_pipe;
constexpr std::chrono::days kSoon(7);

// Reports whether the certificate is a credential of the service, which only the service can read.
bool is_elsewhere(const TlsCertificate& certificate) {
  return config::is_unresolved(certificate.chain_file) ||
         config::is_unresolved(certificate.key_file);
}

// Returns why a file of this name could not be created, or "".
std::string why_no_new_file(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  const std::string folder = parent.empty() ? "." : parent;
  std::error_code error;
  if (!fs::exists(folder, error)) return path + ": the directory " + folder + " does not exist";
  if (!fs::is_directory(folder, error)) return path + ": " + folder + " is not a directory";
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return path + ": " + folder + ": " + std::system_category().message(errno);
}

std::string why_no_log(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return why_no_new_file(path);
  if (fs::is_directory(path, error)) return path + ": is a directory";
  if (::access(path.c_str(), W_OK) == 0) return {};
  return path + ": " + std::system_category().message(errno);
}

// Returns why the socket could not be created, or "". An existing socket is replaced, unless it is
// in use.
std::string why_no_socket(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_socket(status)) return path + ": is not a socket";
  // With --user, a running process may have created the socket as root for this user. It hands the
  // socket over in an upgrade, so the folder need not be writable.
  struct stat facts{};
  const bool is_own = ::lstat(path.c_str(), &facts) == 0 && facts.st_uid == ::geteuid();
  return is_own ? std::string() : why_no_new_file(path);
}

// Returns why the folder could not be used, or "". A start creates missing folders, and gives those
// that it creates to `user`.
std::string why_no_state(const std::string& folder, const std::optional<config::Account>& user) {
  std::error_code error;
  fs::path there = fs::absolute(fs::path(folder).lexically_normal(), error);
  while (!fs::exists(there, error) && there != there.parent_path())
    there = there.parent_path();
  const std::string place = fs::exists(folder, error) ? folder : folder + ": " + there.string();
  if (!fs::is_directory(there, error)) return place + ": is not a directory";
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    return place + ": " + std::system_category().message(errno);
  if (user && !enterable_as(*user, there.string()).value_or(true))
    return place + ": user '" + user->text + "' cannot reach it";
  return {};
}

std::string days_until(std::chrono::system_clock::time_point end) {
  const auto left = std::chrono::floor<std::chrono::days>(end - std::chrono::system_clock::now());
  if (left.count() == 0) return "in less than a day";
  return "in " + std::to_string(left.count()) + (left.count() == 1 ? " day" : " days");
}

class Checker {
 public:
  explicit Checker(const config::Loaded& loaded)
      : loaded_(loaded), configuration_(loaded.configuration) {}

  config::Findings check() {
    check_certificates();
    check_backends_tls();
    check_sticky_keys();
    check_admin();
    check_acme();
    check_user();
    check_places();
    return std::move(findings_);
  }

 private:
  void report(std::string_view setting,
              std::size_t value,
              std::string message,
              Severity severity = Severity::error,
              const config::Configuration* table = nullptr) {
    config::Finding finding =
        config::finding_about_value(loaded_, setting, value, std::move(message), severity, table);
    // Several tables may share a value.
    const auto is_same = [&finding](const config::Finding& other) {
      return other.message == finding.message && other.origin.name == finding.origin.name &&
             other.origin.line == finding.origin.line;
    };
    if (std::ranges::none_of(findings_, is_same)) findings_.push_back(std::move(finding));
  }

  static Result<std::shared_ptr<const net::TlsServerContext>> make(
      const TlsServerOptions& options) {
    return net::TlsServerContext::make(options, {}, std::make_shared<net::TlsTicketKeys>(), kKinds);
  }

  void check_certificates() {
    if (!configuration_.server.tls || configuration_.server.tls->self_signed) return;
    const TlsServerOptions& tls = *configuration_.server.tls;
    bool are_good = true;
    for (std::size_t i = 0; i < tls.certificates.size(); ++i)
      are_good = check_certificate(tls.certificates[i], i) && are_good;
    if (are_good) check_names(tls.certificates);
    if (are_good && !tls.client_ca_file.empty()) check_authorities(tls, "tls-client-ca");
    if (tls.ticket_key_file.empty() || config::is_unresolved(tls.ticket_key_file)) return;
    net::TlsTicketKeys keys;
    if (const auto read = keys.read(tls.ticket_key_file, kKinds); !read) {
      report("tls-ticket-keys", 0, std::string(read.error().detail()));
    }
  }

  bool check_certificate(const TlsCertificate& certificate, std::size_t index) {
    if (is_elsewhere(certificate)) return true;
    const auto context = make({.certificates = {certificate}});
    if (!context) {
      report("tls", index, std::string(context.error().detail()));
      return false;
    }
    for (const std::string& warning : (*context)->warnings())
      report("tls", index, warning, Severity::warning);
    if (!(*context)->warnings().empty()) return true;
    const auto end = (*context)->certificates().front().not_after;
    if (end > std::chrono::system_clock::now() + kSoon) return true;
    report("tls", index, certificate.chain_file + ": the certificate expires " + days_until(end),
           Severity::warning);
    return true;
  }

  void check_names(const std::vector<TlsCertificate>& certificates) {
    if (std::ranges::any_of(certificates, is_elsewhere)) return;
    const auto context = make({.certificates = certificates});
    if (!context) return;
    for (const std::size_t index : (*context)->unused()) {
      report(
          "tls", index,
          certificates[index].chain_file +
              ": never used: an earlier certificate covers all its names with the same kind of key",
          Severity::warning);
    }
  }

  void check_authorities(TlsServerOptions tls, std::string_view setting) {
    if (config::is_unresolved(tls.client_ca_file)) return;
    if (tls.certificates.empty()) tls.self_signed = true;  // the certificates of --acme come later
    if (std::ranges::any_of(tls.certificates, is_elsewhere)) return;
    if (const auto context = make(tls); !context) {
      report(setting, 0, std::string(context.error().detail()));
    }
  }

  void check_backends_tls() {
    std::set<std::string> checked;
    for (const config::Configuration* const one : config::with_tables(configuration_)) {
      if (checked.insert(one->table.connections).second) check_backend_tls(*one);
    }
  }

  void check_backend_tls(const config::Configuration& configuration) {
    if (configuration.backend.scheme() != "https") return;
    const TlsClientOptions& tls = configuration.transport.tls;
    if (config::is_unresolved(tls.ca_file) || is_elsewhere(tls.certificate)) return;
    const auto context = net::TlsClientContext::make(tls, kKinds);
    if (context) return;
    const std::string why(context.error().detail());
    for (const auto& [setting, file] :
         {std::pair(std::string_view("backend-ca"), tls.ca_file),
          std::pair(std::string_view("backend-key"), tls.certificate.key_file),
          std::pair(std::string_view("backend-cert"), tls.certificate.chain_file)}) {
      if (file.empty() || !why.starts_with(file)) continue;
      return report(setting, 0, why, Severity::error, &configuration);
    }
    report(tls.ca_file.empty() ? "backend-cert" : "backend-ca", 0, why, Severity::error,
           &configuration);
  }

  void check_sticky_keys() {
    for (const config::Configuration* const one : config::with_tables(configuration_)) {
      const std::string& file = one->upstream.sticky_key;
      const bool is_own = one == &configuration_ || one->table.has("sticky-key");
      if (!is_own || file.empty() || config::is_unresolved(file)) continue;
      const auto key = net::read_small_file(file, kKinds);
      if (!key) {
        report("sticky-key", 0, file + ": " + key.error(), Severity::error, one);
      } else if (key->size() < upstream::Group::kMinCookieKey) {
        report("sticky-key", 0,
               file + ": the key has fewer than " + std::to_string(upstream::Group::kMinCookieKey) +
                   " bytes",
               Severity::error, one);
      }
    }
  }

  void check_admin() {
    const config::AdminSettings& admin = configuration_.admin;
    if (!admin.token_file.empty() && !config::is_unresolved(admin.token_file)) {
      const auto token = net::read_small_file(admin.token_file, kKinds);
      if (!token) {
        report("admin-token", 0, admin.token_file + ": " + token.error());
      } else if (token->find_first_not_of(" \t\r\n") == std::string::npos) {
        report("admin-token", 0, admin.token_file + ": the file is empty");
      }
    }
    if (admin.client_ca.empty() || !configuration_.server.tls || !findings_.empty()) return;
    TlsServerOptions tls = *configuration_.server.tls;
    tls.client_ca_file = admin.client_ca;
    tls.client_auth = ClientAuth::required;
    check_authorities(tls, "admin-client-ca");
  }

  void check_acme() {
    const config::AcmeSettings& acme = configuration_.acme;
    if (!acme.is_on()) return;
    report_if(why_no_state(config::state_folder_of(acme), configuration_.user),
              acme.state.empty() ? "acme" : "state", 0);
    if (!acme.external_file.empty() && !config::is_unresolved(acme.external_file)) {
      const auto text = net::read_small_file(acme.external_file, kKinds);
      if (!text) {
        report("acme-eab", 0, acme.external_file + ": " + text.error());
      } else if (const auto account = acme::parse_external_account(*text); !account) {
        report("acme-eab", 0, acme.external_file + ": " + std::string(account.error().detail()));
      }
    }
    if (!acme.ca_file.empty() && !config::is_unresolved(acme.ca_file)) {
      TlsClientOptions tls;
      tls.ca_file = acme.ca_file;
      if (const auto context = net::TlsClientContext::make(tls, kKinds); !context)
        report("acme-ca-file", 0, std::string(context.error().detail()));
    }
    check_ports(acme);
  }

  // An authority connects to port 80 or 443, whatever the address is called here.
  void check_ports(const config::AcmeSettings& acme) {
    constexpr std::uint16_t kHttp = 80;
    constexpr std::uint16_t kHttps = 443;
    const std::vector<std::string> challenges = config::challenges_of(acme);
    bool has_port = false;
    for (const std::string& listener : configuration_.listen) {
      if (config::inherited_name(listener)) return;  // only the service knows its port
      const auto address = net::Address::parse_listen(config::address_of_listener(listener));
      if (!address || address->is_unix()) continue;
      const bool is_https = config::is_https(listener, true);
      const std::string_view challenge = is_https ? "tls-alpn-01" : "http-01";
      const bool is_wanted = std::ranges::find(challenges, challenge) != challenges.end();
      if (is_wanted && address->port() == (is_https ? kHttps : kHttp)) has_port = true;
    }
    if (has_port) return;
    report("acme", 0,
           "the authority connects to port 80 (http-01) or 443 (tls-alpn-01), but no listener uses "
           "that port: forward it to onehop",
           Severity::warning);
  }

  // A start reads the files as root; a reload and the watch over the TLS files read them as the
  // user.
  void check_user() {
    if (!configuration_.user || !findings_.empty()) return;
    const std::vector<NamedFile> named = named_files(configuration_);
    std::vector<std::string> files;
    for (const NamedFile& file : named)
      files.push_back(file.path);
    const std::vector<bool> readable = readable_as(*configuration_.user, files);
    for (std::size_t i = 0; i < readable.size(); ++i) {
      if (readable[i]) continue;
      report(named[i].setting, named[i].index,
             files[i] + ": user '" + configuration_.user->text +
                 "' cannot read it, so a reload would fail",
             Severity::warning, named[i].table);
    }
  }

  // Checks the places that a start opens but does not read.
  void check_places() {
    using Kind = observe::LogDestination::Kind;
    const observe::LogDestination& log = configuration_.access_log_to;
    if (configuration_.access_log != observe::AccessLogFormat::off) {
      if (log.kind == Kind::file) report_if(why_no_log(log.path), "access-log-to", 0);
      if (log.kind == Kind::syslog) {
        const auto opened = observe::open_destination(log, std::nullopt);
        if (!opened) report("access-log-to", 0, std::string(opened.error().detail()));
      }
    }
    const std::string& socket = configuration_.admin.socket;
    if (socket != "auto" && socket != "off") report_if(why_no_socket(socket), "admin-socket", 0);
    for (std::size_t i = 0; i < configuration_.listen.size(); ++i) {
      constexpr std::string_view kUnix = "unix:";
      const auto address = net::Address::parse_listen(configuration_.listen[i]);
      if (!address || !address->is_unix()) continue;
      report_if(why_no_socket(address->to_string().substr(kUnix.size())), "listen", i);
    }
  }

  void report_if(std::string why, std::string_view setting, std::size_t value) {
    if (!why.empty()) report(setting, value, std::move(why));
  }

  const config::Loaded& loaded_;
  const config::Configuration& configuration_;
  config::Findings findings_;
};

}  // namespace

config::Findings check_files(const config::Loaded& loaded) {
  return Checker(loaded).check();
}

}  // namespace onehop::program
