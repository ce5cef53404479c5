// SPDX-License-Identifier: Apache-2.0
#include "server/tls_certificates.hpp"

#include "net/tls_ticket_keys.hpp"

#include <new>
#include <utility>

#include <sys/stat.h>

namespace onehop::server {
namespace {

constexpr std::chrono::seconds kLookEvery(1);
// A failure may have a reason that passes, such as a shortage of descriptors.
constexpr int kLooksToRetry = 5;
constexpr std::string_view kNoRegularFile = "no regular file;";

void add_file(std::string& stamp, const std::string& path) {
  if (path.empty()) return;
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) {
    stamp += "missing;";
    return;
  }
  // A pipe seems to change with every write, and can be read only once.
  if (!S_ISREG(file.st_mode)) {
    stamp += kNoRegularFile;
    return;
  }
  for (const auto number :
       {static_cast<std::int64_t>(file.st_dev), static_cast<std::int64_t>(file.st_ino),
        static_cast<std::int64_t>(file.st_size), static_cast<std::int64_t>(file.st_mtim.tv_sec),
        static_cast<std::int64_t>(file.st_mtim.tv_nsec)}) {
    stamp += std::to_string(number) + ",";
  }
  stamp += ";";
}

}  // namespace

TlsCertificates::TlsCertificates(TlsServerOptions options,
                                 net::TlsProtocols protocols,
                                 Log log,
                                 std::shared_ptr<net::TlsTicketKeys> ticket_keys)
    : options_(std::move(options)),
      protocols_(std::move(protocols)),
      log_(std::move(log)),
      ticket_keys_(std::move(ticket_keys)) {}

Result<std::shared_ptr<TlsCertificates>> TlsCertificates::load(const TlsServerOptions& options,
                                                               const net::TlsProtocols& protocols,
                                                               Log log,
                                                               const TlsCertificates* before) {
  if (options.self_signed && !options.certificates.empty()) {
    return failure(Errc::bad_option, Side::local,
                   "self_signed and certificates exclude each other: choose one of them");
  }
  // Keys from a file are read into a new object, so that the keys in use do not change yet.
  const bool keys_stay =
      before && options.ticket_key_file.empty() && before->options_.ticket_key_file.empty();
  std::shared_ptr<TlsCertificates> made(new TlsCertificates(  // the constructor is private
      options, protocols, std::move(log),
      keys_stay ? before->ticket_keys_ : std::make_shared<net::TlsTicketKeys>()));
  made->loaded_ = made->seen_ = made->stamp();
  made->has_pipe_ = made->loaded_.contains(kNoRegularFile);
  if (before && made->stays_as(*before)) {
    made->current_ = before->current();
    return made;
  }
  const auto context = before ? before->current() : nullptr;
  if (auto read = made->read(context.get(), net::FileKinds::regular_or_pipe); !read) {
    return failure(read.error());
  }
  return made;
}

// Reports whether the certificates of `before` stay: the options that they depend on are the same,
// and a file can be read only once.
bool TlsCertificates::stays_as(const TlsCertificates& before) const {
  TlsServerOptions compared = before.options_;
  compared.handshake_timeout = options_.handshake_timeout;
  compared.watch_files = options_.watch_files;
  if (compared != options_ || protocols_ != before.protocols_) return false;
  return has_pipe_ && before.has_pipe_;
}

std::string TlsCertificates::ticket_keys() const {
  return ticket_keys_->text();
}

void TlsCertificates::continue_with_ticket_keys(std::string_view text) {
  if (options_.ticket_key_file.empty()) (void)ticket_keys_->continue_with(text);
}

Result<void> TlsCertificates::reload() {
  const std::lock_guard one_at_a_time(reloading_);
  return read(current().get(), net::FileKinds::regular);
}

Result<void> TlsCertificates::read(const net::TlsServerContext* before, net::FileKinds kinds) {
  auto context = net::TlsServerContext::make(options_, protocols_, ticket_keys_, kinds, before);
  if (!context) return failure(context.error());
  if (!options_.ticket_key_file.empty()) {
    if (auto read = ticket_keys_->read(options_.ticket_key_file, kinds); !read) return read;
  }
  for (const std::string& warning : (*context)->warnings())
    log_(LogLevel::warning, warning);
  const std::lock_guard lock(mutex_);
  current_ = std::move(*context);
  return {};
}

std::shared_ptr<const net::TlsServerContext> TlsCertificates::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

TlsCertificates::Stamp TlsCertificates::stamp() const {
  Stamp stamp;
  for (const TlsCertificate& one : options_.certificates) {
    add_file(stamp, one.chain_file);
    add_file(stamp, one.key_file);
  }
  add_file(stamp, options_.client_ca_file);
  add_file(stamp, options_.ticket_key_file);
  if (options_.source) stamp += "source " + std::to_string(options_.source->version());
  return stamp;
}

void TlsCertificates::watch() {
  if (!options_.watch_files || loaded_.empty() || watcher_.joinable()) return;
  watcher_ = std::jthread([this](const std::stop_token& stop) { watch_until_stopped(stop); });
}

void TlsCertificates::watch_until_stopped(const std::stop_token& stop) {
  std::unique_lock lock(sleep_mutex_);
  while (!sleep_.wait_for(lock, stop, kLookEvery, [&stop] { return stop.stop_requested(); })) {
    try {
      look();
    } catch (const std::bad_alloc&) {  // the next look may have more memory
    }
  }
}

// A change counts once two looks have found the same files, since a certificate and its key are
// replaced one by one. A change that fails is tried again, and logged once.
void TlsCertificates::look() {
  Stamp now = stamp();
  const bool settled = now == seen_;
  seen_ = std::move(now);
  if (!settled) return;
  if (seen_ == loaded_) return refused_.clear();
  if (seen_ == refused_ && --looks_to_retry_ > 0) return;
  const auto read = reload();
  if (read) {
    loaded_ = seen_;
    refused_.clear();
    log_(LogLevel::info, "the TLS files have changed: new connections use them");
    return;
  }
  if (seen_ != refused_) {
    log_(LogLevel::error, "the TLS files have changed, but the old ones stay in use: " +
                              std::string(read.error().detail()));
  }
  refused_ = seen_;
  looks_to_retry_ = kLooksToRetry;
}

}  // namespace onehop::server
