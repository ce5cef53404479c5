// SPDX-License-Identifier: Apache-2.0
//
// The part of Service that reloads. It runs on the thread of the ReloadQueue.
#include "config/differences.hpp"
#include "config/finding_text.hpp"
#include "config/secrets.hpp"
#include "config/setting_names.hpp"
#include "config/settings.hpp"
#include "config/tables.hpp"
#include "program/messages.hpp"
#include "program/service.hpp"
#include "program/startup.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <expected>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::program {
namespace {

using Changes = std::vector<config::Difference>;

std::string joined(const config::Setting& setting, const config::Difference::Values& values) {
  std::vector<std::string> shown = values.value_or(std::vector<std::string>());
  config::hide_secrets(setting, shown);
  std::string text;
  for (const std::string& value : shown)
    text += (text.empty() ? "" : ", ") + value;
  return text.empty() ? "none" : text;
}

// Returns a finding for each change that a reload cannot make.
config::Findings why_no_reload(const Changes& changes, const config::Loaded& next) {
  config::Findings findings;
  for (const config::Difference& change : changes) {
    const std::string_view remedy = config::remedy_for(*change.setting);
    if (remedy.empty()) continue;
    findings.push_back(config::finding_about(next, change.setting->name,
                                             config::flag_of(*change.setting) + ": a change from " +
                                                 joined(*change.setting, change.before) + " to " +
                                                 joined(*change.setting, change.after) + " needs " +
                                                 std::string(remedy)));
  }
  return findings;
}

// Returns what the changes need. An upgrade is enough unless a change needs a restart or the
// process may not use some file.
std::string summary_of_refusal(const Changes& changes, bool are_files_allowed) {
  const bool is_enough =
      are_files_allowed && std::ranges::none_of(changes, [](const config::Difference& change) {
        return change.when == config::When::restart;
      });
  return is_enough ? "it needs `onehop upgrade`, which drops no connections" : "it needs a restart";
}

// Returns the findings as `onehop check` prints them.
std::vector<std::string> texts_of(const config::Findings& findings) {
  std::vector<std::string> texts;
  for (const config::Finding& finding : findings)
    texts.push_back(config::text_of({finding}));
  return texts;
}

bool has_tls_files(const config::Configuration& configuration) {
  const auto& tls = configuration.server.tls;
  return tls &&
         (!tls->self_signed || !tls->client_ca_file.empty() || !tls->ticket_key_file.empty());
}

bool is_self_signed(const config::Configuration& configuration) {
  return configuration.server.tls && configuration.server.tls->self_signed;
}

bool are_risks_new(const config::Configuration& before, const config::Configuration& now) {
  return is_self_signed(now) != is_self_signed(before) || is_insecure(now) != is_insecure(before);
}

std::string summary_of(const Changes& changes,
                       const config::Configuration& next,
                       bool has_new_transport) {
  std::string text = "reloaded; ";
  if (changes.empty()) {
    text += "no setting has changed";
  } else {
    text += "changed:";
    for (const config::Difference& change : changes)
      text.append(text.ends_with(':') ? " " : ", ").append(config::name_of(change));
  }
  if (has_tls_files(next)) text += "; the TLS files were read again";
  if (has_new_transport) text += "; new connections to the backend";
  return text;
}

observe::ActionResult refused(const std::string& why, const config::Findings& findings = {}) {
  return {.done = false,
          .summary = "not reloaded, and nothing has changed: " + why,
          .findings = texts_of(findings)};
}

}  // namespace

// Everything that a reload puts in place.
struct Service::Prepared {
  std::shared_ptr<const config::Configuration> before;
  std::shared_ptr<const config::Loaded> loaded;
  Changes changes;
  TransportKeeper::Prepared transports;
  observe::FormerBackends former_backends;
  AccessLogKeeper::Prepared access_log;
  // Null unless the reload creates them.
  std::unique_ptr<ConfigWatch> watch;
  std::unique_ptr<BackendWatch> backend_watch;
  Outcome outcome;

  const config::Configuration& now() const { return loaded->configuration; }
};

Service::Outcome Service::reload(const std::string& trigger) {
  start_.wait(Start::going_on);
  if (start_ == Start::failed) return reloads_->refusal("onehop could not start");
  const std::lock_guard lock(changing_);
  if (stopping_->has_begun()) {
    const Outcome outcome = reloads_->refusal("onehop is stopping");
    announce(trigger, outcome);
    return outcome;
  }
  const auto began = std::chrono::steady_clock::now();
  reports_->reloading();
  Outcome outcome;
  try {
    outcome = read_and_apply();
  } catch (const std::exception& error) {  // from a step before the switch
    outcome = refused(error.what());
  }
  record(outcome, std::chrono::steady_clock::now() - began);
  announce(trigger, outcome);
  reports_->reloaded();
  return outcome;
}

Service::Outcome Service::read_and_apply() {
  config::Loaded loaded = setup_.read();
  // The watch need not request another reload for the same contents.
  if (watch_) watch_->set_known(loaded.files_fingerprint);
  for (const config::Finding& finding : loaded.findings) {
    const bool is_error = finding.severity == config::Severity::error;
    log_.announce(config::sentence_of(finding), is_error ? LogLevel::error : LogLevel::warning);
  }
  if (!loaded.is_usable()) {
    return refused(config::summary_of(loaded.findings) + " in the settings", loaded.findings);
  }
  const auto warnings = texts_of(loaded.findings);
  auto prepared = prepare(std::move(loaded));
  Outcome& outcome = prepared ? prepared->outcome : prepared.error();
  outcome.findings.insert(outcome.findings.begin(), warnings.begin(), warnings.end());
  return prepared ? apply(std::move(*prepared)) : outcome;
}

std::expected<Service::Prepared, Service::Outcome> Service::prepare(config::Loaded loaded) {
  Prepared made;
  made.before = configuration();
  const config::Configuration& before = *made.before;
  config::Configuration& next = loaded.configuration;
  if (setup_.may_choose_port && next.listen == setup_.loaded.configuration.listen) {
    next.listen = before.listen;
  }
  made.changes = config::differences(before, next);
  config::Findings findings = why_no_reload(made.changes, loaded);
  config::Findings forbidden = setup_.files.refusals(loaded);
  const std::string summary = summary_of_refusal(made.changes, forbidden.empty());
  std::ranges::move(forbidden, std::back_inserter(findings));
  for (const config::Finding& finding : findings)
    log_.announce(config::sentence_of(finding), LogLevel::error);
  if (!findings.empty()) return std::unexpected(refused(summary, findings));

  if (auto prepared = certificates_.prepare(next); !prepared)
    return std::unexpected(refused(reason_of(prepared.error())));
  auto transport = transports_.prepare(next);
  if (!transport) return std::unexpected(refused(reason_of(transport.error())));
  auto access_log = access_logs_.prepare(next);
  if (!access_log) return std::unexpected(refused(reason_of(access_log.error())));
  if (!watch_) made.watch = watch_for(loaded);
  if (!backend_watch_) made.backend_watch = backend_watch_for(next);
  made.outcome = {.done = true, .summary = summary_of(made.changes, next, transport->has_new())};
  made.transports = std::move(*transport);
  made.former_backends = former_backends(before, next);
  made.access_log = std::move(*access_log);
  made.loaded = std::make_shared<const config::Loaded>(std::move(loaded));
  return made;
}

// The admin pages have their own TLS, which is ready before anything switches.
Service::Outcome Service::apply(Prepared prepared) {
  const config::Configuration& next = prepared.now();
  const Redirects expected = redirects_of(expected_places(next, setup_.manager.sockets, places()),
                                          next.server.tls.has_value());
  const auto updated = admin_->update(next, [&] { return switch_to(prepared, expected); });
  if (!updated) return refused(reason_of(updated.error()));
  Outcome outcome = std::move(prepared.outcome);
  try {
    commit(std::move(prepared), expected);
  } catch (const std::exception& error) {  // no memory for a message
    log_.announce(std::string("reloaded, but a later step failed: ") + error.what(),
                  LogLevel::error);
  }
  return outcome;
}

Result<void> Service::switch_to(const Prepared& prepared, const Redirects& expected) {
  const config::Configuration& next = prepared.now();
  return server_->update(options_for(next, prepared.access_log.log),
                         serving_handler(next, prepared.transports.transports(),
                                         std::make_shared<const Redirects>(expected)));
}

void Service::commit(Prepared prepared, const Redirects& expected) {
  const config::Configuration& before = *prepared.before;
  const config::Configuration& now = prepared.now();
  {
    const std::lock_guard lock(mutex_);
    loaded_ = prepared.loaded;
    former_backends_ = std::move(prepared.former_backends);
  }
  correct_redirects(prepared, expected);
  transports_.commit(std::move(prepared.transports));
  certificates_.commit(now);
  access_logs_.commit(std::move(prepared.access_log));
  if (now.verbose != before.verbose) {
    log_.set_level(now.verbose ? LogLevel::debug : LogLevel::warning);
  }
  if (are_risks_new(before, now)) warn_of_risks(now, *server_, log_);
  if (prepared.watch) watch_ = std::move(prepared.watch);
  if (!now.watch_config) watch_.reset();
  if (prepared.backend_watch) backend_watch_ = std::move(prepared.backend_watch);
  if (!now.admin.ready_needs_upstream) backend_watch_.reset();
  if (backend_watch_) backend_watch_->follow(config::needed_backends(now));
  for (const config::Difference& change : prepared.changes)
    log_.write(LogLevel::info, config::text_of(change));
  if (now.listen != before.listen || now.server.tls != before.server.tls) {
    log_.announce(listening_line(urls()));
  }
}

// Ports that the system chooses are known only after the update. If a redirect needs such a port, a
// second update installs a handler that has it.
void Service::correct_redirects(const Prepared& prepared, const Redirects& expected) {
  const config::Configuration& now = prepared.now();
  record_places(now);
  const Redirects actual = redirects_of(places(), now.server.tls.has_value());
  if (actual == expected) return;
  if (const auto again = switch_to(prepared, actual); !again) {
    log_.announce("redirects lead to the wrong port: " + reason_of(again.error()), LogLevel::error);
  }
}

void Service::record(const Outcome& outcome, std::chrono::nanoseconds duration) {
  if (outcome.done) {
    history_->succeeded(setup_.source, outcome.summary, duration);
  } else {
    history_->failed(outcome.summary, duration);
  }
}

void Service::announce(const std::string& trigger, const Outcome& outcome) {
  log_.announce(trigger + ": " + outcome.summary, outcome.done ? LogLevel::info : LogLevel::error);
}

}  // namespace onehop::program
