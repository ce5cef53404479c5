// SPDX-License-Identifier: Apache-2.0
#include "program/acme_command.hpp"

#include <onehop/testing.hpp>
#include <onehop/transport.hpp>

#include "acme/client.hpp"
#include "acme/file_store.hpp"
#include "acme/renewal_state.hpp"
#include "acme/site_status.hpp"
#include "acme/sites.hpp"
#include "acme/words.hpp"
#include "config/acme_settings.hpp"
#include "observe/log.hpp"
#include "program/output.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::program {
namespace {

using config::Configuration;

constexpr std::string_view kEnd = ".pem";

// The reasons of RFC 5280 §5.3.1 that the holder of a certificate may give.
struct Reason {
  std::string_view word;
  int code;
};
constexpr std::array<Reason, 5> kReasons = {{{"unspecified", 0},
                                             {"keyCompromise", 1},
                                             {"affiliationChanged", 3},
                                             {"superseded", 4},
                                             {"cessationOfOperation", 5}}};

int refuse(const std::string& why, int code = kUsageFailure) {
  observe::print_error("acme: " + why);
  return code;
}

std::string day_of(acme::WallTime time) {
  constexpr std::size_t kDay = 10;
  return acme::to_rfc3339(time).substr(0, kDay);
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

// Returns one line of the list.
std::string line_of(const acme::CertificateStore& store, const std::string& name) {
  constexpr std::size_t kName = 32;
  std::string line = padded(name, kName) + "  ";
  const auto pair = store.load(acme::Sites::entry_of(name));
  if (!pair || !*pair)
    return line + (pair ? "no certificate\n" : std::string(pair.error().detail()) + "\n");
  const auto facts = acme::check_pair(**pair, name);
  if (!facts) return line + std::string(facts.error().detail()) + "\n";
  line += "valid until " + day_of(facts->not_after);
  const auto json = store.load(acme::Sites::state_entry_of(name));
  if (!json || !*json) return line + "\n";
  const acme::RenewalState state = acme::RenewalState::parse(**json);
  if (state.renew_at) line += ", renewed about " + day_of(*state.renew_at);
  if (!state.authority.empty()) line += " by " + acme::shown_authority(state.authority);
  if (state.failures > 0) line += ", not renewed: " + state.problem;
  return line + "\n";
}

int list(const acme::CertificateStore& store) {
  const auto entries = store.list("certificates");
  if (!entries) return refuse(std::string(entries.error().detail()), kRunTimeFailure);
  acme::NameSet names;
  for (const std::string& entry : *entries) {
    const std::size_t dot = entry.rfind('.');
    if (entry.ends_with(kEnd) || entry.ends_with(".json")) names.insert(entry.substr(0, dot));
  }
  std::string text;
  for (const std::string& name : names)
    text += line_of(store, name);
  return print(text.empty() ? "there are no certificates in " + store.place() + "\n" : text);
}

// Requests a certificate with a new key from the process that renews.
Result<void> request_renewal(acme::CertificateStore& store, const std::string& name) {
  return store.save("requests/renew-" + name, "by onehop acme\n");
}

bool is_known(const acme::CertificateStore& store, const std::string& name) {
  return !store.stamp(acme::Sites::entry_of(name)).empty() ||
         !store.stamp(acme::Sites::state_entry_of(name)).empty();
}

int renew(acme::CertificateStore& store, std::span<const std::string> names) {
  if (names.empty()) return refuse("renew: name a certificate of `onehop acme list`");
  for (const std::string& name : names) {
    if (!is_known(store, name))
      return refuse("no certificate or record for " + name + " in " + store.place(),
                    kRunTimeFailure);
    if (auto saved = request_renewal(store, name); !saved)
      return refuse(std::string(saved.error().detail()), kRunTimeFailure);
    const int code = print(name +
                           ": renewal requested; see the log of the onehop that serves from this "
                           "store\n");
    if (code != 0) return code;
  }
  return 0;
}

// The parts of the store that a revocation needs.
struct Revoked {
  std::string der;
  std::string authority;
  acme::PrivateKey account;
};

Result<Revoked> read_revoked(const acme::CertificateStore& store, const std::string& name) {
  const auto missing = [&store](const std::string& what) {
    return failure(Errc::bad_option, Side::local, store.place() + " has no " + what);
  };
  const auto pair = store.load(acme::Sites::entry_of(name));
  if (!pair) return failure(pair.error());
  if (!*pair) return missing("certificate of " + name);
  auto der = acme::der_of(**pair);
  if (!der) return failure(der.error());
  const auto json = store.load(acme::Sites::state_entry_of(name));
  const acme::RenewalState state =
      json && *json ? acme::RenewalState::parse(**json) : acme::RenewalState();
  if (state.authority.empty()) return missing("record of its issuer");
  const auto pem = store.load("account.pem");
  if (!pem) return failure(pem.error());
  if (!*pem) return missing("account.pem");
  auto account = acme::PrivateKey::from_pem(**pem);
  if (!account) return failure(account.error());
  return Revoked{
      .der = std::move(*der), .authority = state.authority, .account = std::move(*account)};
}

int revoke(acme::CertificateStore& store,
           const Configuration& configuration,
           std::span<const std::string> words) {
  if (words.empty() || words.size() > 2)
    return refuse("revoke: name one certificate and at most one reason");
  const std::string& name = words[0];
  const std::string reason = words.size() == 2 ? words[1] : "unspecified";
  const auto found = std::ranges::find(kReasons, reason, &Reason::word);
  if (found == kReasons.end()) {
    std::string all;
    for (const Reason& one : kReasons)
      all += (all.empty() ? "" : ", ") + std::string(one.word);
    return refuse("revoke: '" + reason + "' is not one of " + all);
  }
  auto revoked = read_revoked(store, name);
  if (!revoked) return refuse(std::string(revoked.error().detail()), kRunTimeFailure);
  Transport::Options options;
  options.tls.ca_file = configuration.acme.ca_file;
  acme::Client::Options about;
  about.directory = revoked->authority;
  about.email = configuration.acme.email;
  acme::Client client(std::make_shared<const Transport>(std::move(options)),
                      std::move(revoked->account), std::move(about));
  const auto done = testing::run(client.revoke(revoked->der, found->code));
  // The certificate may already be revoked, for example by a command that ended before it saved its
  // request.
  if (!done && client.refusal().type != "alreadyRevoked")
    return refuse(acme::words_of(done.error()), kRunTimeFailure);
  if (auto saved = request_renewal(store, name); !saved)
    return refuse(std::string(saved.error().detail()), kRunTimeFailure);
  return print(name + ": revoked by " + acme::shown_authority(revoked->authority) +
               "; the onehop that serves from this store requests a replacement\n");
}

}  // namespace

int run_acme_command(const Configuration& configuration) {
  const auto& words = configuration.command_words;
  const std::string folder = config::state_folder_of(configuration.acme);
  if (words.empty()) return refuse("name an action: list, renew NAME or revoke NAME [REASON]");
  if (folder.empty()) return refuse("name the folder with the certificates: --state DIR");
  const auto store = acme::FileStore::view(folder + "/acme");
  const std::span<const std::string> rest = std::span(words).subspan(1);
  if (words.front() == "list") {
    return rest.empty() ? list(*store) : refuse("list: remove '" + rest.front() + "'");
  }
  if (words.front() == "renew") return renew(*store, rest);
  if (words.front() == "revoke") return revoke(*store, configuration, rest);
  return refuse("'" + words.front() + "' is not one of list, renew and revoke");
}

}  // namespace onehop::program
