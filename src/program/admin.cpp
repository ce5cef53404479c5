// SPDX-License-Identifier: Apache-2.0
#include "program/admin.hpp"

#include "config/admin_socket.hpp"
#include "config/plain_text.hpp"
#include "net/address.hpp"
#include "net/small_file.hpp"
#include "observe/action_pages.hpp"
#include "observe/admin_pages.hpp"
#include "observe/admin_rules.hpp"
#include "observe/configuration_page.hpp"
#include "observe/metrics_page.hpp"
#include "observe/overview_source.hpp"
#include "program/messages.hpp"
#include "program/startup.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::program {
namespace {

constexpr std::chrono::milliseconds kLastPatience(500);

std::vector<observe::AdminPage> pages_for(const std::shared_ptr<const observe::Observed>& observed,
                                          const observe::OverviewFeed& feed) {
  std::vector<observe::AdminPage> pages = feed.pages();
  pages.push_back(observe::metrics_page(observed));
  if (observed->configuration) pages.push_back(observe::configuration_page(observed));
  pages.push_back(observe::live_page(observed));
  pages.push_back(observe::ready_page(observed));
  return pages;
}

Result<std::string> read_token(const std::string& file) {
  if (file.empty()) return std::string();
  const auto text = net::read_small_file(file, net::FileKinds::regular_or_pipe);
  if (!text) {
    return failure(Errc::bad_option, Side::local, "--admin-token " + file + ": " + text.error());
  }
  std::string token(config::trimmed(*text, " \t\r\n"));
  if (token.empty()) {
    return failure(Errc::bad_option, Side::local,
                   "--admin-token " + file +
                       ": the file is empty; write a secret into it, such as "
                       "the output of `openssl rand -hex 32`");
  }
  return token;
}

// Returns the service's certificates with the admin listener's own authority for client
// certificates.
std::optional<TlsServerOptions> tls_for(const config::Configuration& configuration) {
  if (!net::listens_with_tls(configuration.admin.address, false)) return std::nullopt;
  std::optional<TlsServerOptions> tls = configuration.server.tls;
  if (!tls) return tls;
  tls->client_ca_file = configuration.admin.client_ca;
  tls->client_auth = tls->client_ca_file.empty() ? ClientAuth::none : ClientAuth::required;
  return tls;
}

std::function<void(LogLevel, std::string_view)> log_to(observe::Log& log) {
  return [&log](LogLevel level, std::string_view line) { log.write(level, line); };
}

// Makes the socket accessible to its owner only. AdminRules refuse other users who connected
// earlier.
Result<void> make_private(const std::string& path, const std::optional<config::Account>& account) {
  constexpr mode_t kOwnerOnly = 0600;
  // Another user may be able to replace the socket by a link. Without /proc, some systems cannot
  // leave links alone.
  const bool is_private =
      ::fchmodat(AT_FDCWD, path.c_str(), kOwnerOnly, AT_SYMLINK_NOFOLLOW) == 0 ||
      (errno == EOPNOTSUPP && ::chmod(path.c_str(), kOwnerOnly) == 0);
  const bool is_done =
      is_private && (!account || ::lchown(path.c_str(), account->user, account->group) == 0);
  if (is_done) return {};
  return failure(Error::system(errno, Side::local).with("cannot protect the socket " + path));
}

}  // namespace

// Requests get time to finish, because the response to `onehop stop` may be one of them. The event
// streams of the dashboard are ended first, because they would not finish.
Admin::~Admin() {
  if (feed_) feed_->end();
  for (const auto& listener : listeners_)
    listener->finish(kLastPatience);
}

Result<Admin> Admin::open(const config::Configuration& configuration,
                          observe::Observed observed,
                          observe::Actions actions,
                          observe::Log& log,
                          std::span<const HandedSocket> handed) {
  Admin admin;
  const auto shared = std::make_shared<const observe::Observed>(std::move(observed));
  admin.feed_ = std::make_unique<observe::OverviewFeed>(
      [overviews = std::make_shared<observe::OverviewSource>(shared)] {
        return overviews->make();
      });
  const Pages pages = pages_for(shared, *admin.feed_);
  if (!configuration.admin.address.empty()) {
    if (auto opened = admin.open_address(configuration, pages, log, handed); !opened)
      return failure(opened.error());
  }
  Pages commands = observe::action_pages(std::move(actions));
  commands.insert(commands.begin(), pages.begin(), pages.end());
  if (auto opened = admin.open_socket(configuration, std::move(commands), log, handed); !opened)
    return failure(opened.error());
  return admin;
}

Result<void> Admin::open_address(const config::Configuration& configuration,
                                 Pages pages,
                                 observe::Log& log,
                                 std::span<const HandedSocket> handed) {
  auto token = read_token(configuration.admin.token_file);
  if (!token) return failure(token.error());
  auto handler = std::make_shared<const observe::AdminPages>(
      std::move(pages),
      observe::AdminRules({.host_names = configuration.admin.names, .token = std::move(*token)}));
  observe::AdminListener::Options options{
      .address = configuration.admin.address,
      .tls = tls_for(configuration),
      .log = log_to(log),
      .open_sockets = open_sockets(handed, HandedSocket::Use::admin)};
  const std::string_view scheme = options.tls ? "https" : "http";
  auto listener = std::make_unique<observe::AdminListener>(std::move(options));
  if (auto opened = listener->open(std::move(handler)); !opened) return failure(opened.error());
  url_ = url_to_open(scheme, listener->address()) + "/";
  log.announce("admin pages on " + url_);
  browsers_ = listener.get();
  listeners_.push_back(std::move(listener));
  return {};
}

std::vector<HandedSocket> Admin::sockets() const {
  std::vector<HandedSocket> all;
  for (const auto& listener : listeners_) {
    const auto use =
        listener.get() == browsers_ ? HandedSocket::Use::admin : HandedSocket::Use::commands;
    std::ranges::move(handed_sockets(listener->server(), use), std::back_inserter(all));
  }
  return all;
}

void Admin::leave_socket_files() {
  for (const auto& listener : listeners_)
    listener->leave_socket_file();
}

void Admin::take_socket_files() {
  for (const auto& listener : listeners_)
    listener->take_socket_file();
}

void Admin::serve() {
  for (const auto& listener : listeners_)
    listener->accept();
}

Result<void> Admin::update(const config::Configuration& configuration,
                           const std::function<Result<void>()>& then) {
  auto tls = tls_for(configuration);
  if (browsers_ == nullptr || !tls) return then();
  bool is_ready = false;
  auto updated = browsers_->update(std::move(tls), [&] {
    is_ready = true;
    return then();
  });
  if (updated || is_ready) return updated;
  return failure(Errc::bad_option, Side::local, "the admin pages: " + reason_of(updated.error()));
}

// If the socket is at the default path, the process serves even if the folder is missing or
// read-only, or if another onehop has the socket. At a configured path, these are errors.
Result<void> Admin::open_socket(const config::Configuration& configuration,
                                Pages pages,
                                observe::Log& log,
                                std::span<const HandedSocket> handed) {
  const bool is_default = configuration.admin.socket == "auto";
  const std::string path = config::admin_socket_of(configuration.admin);
  if (path.empty()) return {};
  auto handler =
      std::make_shared<const observe::AdminPages>(std::move(pages), observe::AdminRules());
  auto listener = std::make_unique<observe::AdminListener>(observe::AdminListener::Options{
      .address = "unix:" + path,
      .log = log_to(log),
      .on_listening = [path, account = configuration.user] { return make_private(path, account); },
      .open_sockets = open_sockets(handed, HandedSocket::Use::commands)});
  if (auto opened = listener->open(std::move(handler)); !opened) {
    if (!is_default) return opened;
    log.announce("no admin socket, so the commands cannot reach this process: " +
                     std::string(opened.error().detail()) +
                     "; choose a path with --admin-socket PATH, or none with --admin-socket off",
                 LogLevel::warning);
    return {};
  }
  log.announce("admin socket " + path);
  socket_ = path;
  listeners_.push_back(std::move(listener));
  return {};
}

}  // namespace onehop::program
