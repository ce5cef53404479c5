// SPDX-License-Identifier: Apache-2.0
#include "config/load.hpp"

#include "config/commands.hpp"
#include "config/contradictions.hpp"
#include "config/credential.hpp"
#include "config/file_settings.hpp"
#include "config/given_values.hpp"
#include "config/listeners.hpp"
#include "config/setting_names.hpp"
#include "config/settings.hpp"
#include "config/table_maker.hpp"
#include "config/tables.hpp"
#include "config/tls_flags.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace onehop::config {
namespace {

// The demo serves only this machine, and has endless responses that a drain would wait for.
void set_demo_defaults(Configuration& configuration) {
  configuration.listen = Configuration::demo_listen();
  configuration.drain_timeout = std::chrono::seconds(1);
}

class Loader {
 public:
  Loader(const std::vector<std::string>& typed,
         const Environment& environment,
         const ReadFiles& read_files)
      : arguments_(read_arguments(typed, loaded_.findings)), read_files_(read_files) {
    Configuration& configuration = loaded_.configuration;
    configuration.command = arguments_.command;
    configuration.command_words = std::move(arguments_.words);
    configuration.command_flags = std::move(arguments_.flags);
    if (form_of(arguments_.command) == CommandForm::alone) return;
    if (arguments_.command == Command::demo) set_demo_defaults(configuration);
    gather(environment);
    for (const auto& [setting, given] : loaded_.given)
      set_values(*setting, given, configuration, loaded_.findings);
    tables_.make(loaded_.tables, configuration, loaded_.findings);
    if (form_of(arguments_.command) == CommandForm::own_words) {
      forgive_files_and_variables();
    } else {
      cross_check();
    }
    keep_warnings();
  }

  Loaded take() {
    sort_findings();
    return std::move(loaded_);
  }

 private:
  // Reads the sources in order of precedence. Each source adds the settings that earlier ones do
  // not have.
  void gather(const Environment& environment) {
    GivenSettings& given = loaded_.given;
    given = std::move(arguments_.given);
    given.merge(read_environment(environment, loaded_.findings));
    const auto named = given.find(find_setting(kConfigSetting));
    if (named == given.end()) return;
    NamedFiles files{.origin = named->second.origin, .names = {}};
    for (const GivenValue& value : named->second.values)
      files.names.push_back(path_of_file(value.text).value_or(value.text));
    FileSettings in_files;
    Findings unreadable;
    const std::vector<ConfigFile> contents = read_files_(files, unreadable);
    loaded_.files_fingerprint = fingerprint_of(contents, unreadable);
    std::ranges::move(unreadable, std::back_inserter(loaded_.findings));
    for (const ConfigFile& file : contents) {
      file_names_.push_back(file.name);
      read_settings(file, in_files, loaded_.findings);
    }
    check_overridden(in_files.top);
    given.merge(std::move(in_files.top));
    loaded_.tables = std::move(in_files.tables);
  }

  // Checks values in files even if a flag or a variable overrides them.
  void check_overridden(const GivenSettings& in_files) {
    for (const auto& [setting, given] : in_files) {
      if (loaded_.given.contains(setting)) check_values(*setting, given, loaded_.findings);
    }
  }

  // Makes findings in files and variables warnings. Those settings are for the process that serves;
  // a command that inspects or controls that process needs only its socket.
  void forgive_files_and_variables() {
    for (Finding& finding : loaded_.findings) {
      const Source source = finding.origin.source;
      if (source == Source::file || source == Source::variable)
        finding.severity = Severity::warning;
    }
  }

  void cross_check() {
    Configuration& configuration = loaded_.configuration;
    const bool serves = form_of(arguments_.command) == CommandForm::serves;
    if (serves) require_backend();
    check_credentials();
    if (has_errors(loaded_.findings)) return;  // an error may be the cause of a contradiction
    Contradictions found =
        apply_client_side_tls(configuration.tls, configuration.acme.is_on(), configuration.server);
    if (found.empty()) {
      found = apply_listeners(configuration, loaded_.given_for("listen") != nullptr);
    }
    std::ranges::move(tables_.cross_check(configuration, loaded_.given, loaded_.findings),
                      std::back_inserter(found));
    std::ranges::move(find_contradictions(configuration,
                                          [this](std::string_view name) {
                                            return loaded_.given_for(name) != nullptr;
                                          }),
                      std::back_inserter(found));
    for (Contradiction& one : found)
      loaded_.findings.push_back(
          finding_about(loaded_, one.setting, std::move(one.why), one.table));
  }

  // Reports credentials that are not available. Only the service has them, so a manual `onehop
  // check` warns that it does not check them.
  void check_credentials() {
    const bool is_check = arguments_.command == Command::check;
    for (const auto& [setting, given] : loaded_.given) {
      if (!setting->names_a_file()) continue;
      for (std::size_t i = 0; i < given.values.size(); ++i) {
        const auto path = path_of_file(given.values[i].text);
        if (!path || !is_unresolved(*path)) continue;
        loaded_.findings.push_back(
            is_check ? finding_about_value(loaded_, setting->name, i,
                                           *path + " is not checked: only the service has it",
                                           Severity::warning)
                     : finding_about_value(loaded_, setting->name, i, why_unresolved(*path)));
      }
    }
  }

  // Reports a missing backend, unless a file has mistakes: one of them may be in its backend.
  void require_backend() {
    const bool is_given =
        loaded_.given_for(kBackendSetting) != nullptr &&
        (loaded_.configuration.backend.is_absolute() || has_errors(loaded_.findings));
    if (is_given || has_routes(loaded_.tables)) return;
    if (loaded_.given_for(kConfigSetting) != nullptr && has_errors(loaded_.findings)) return;
    Finding missing;
    if (file_names_.empty()) {
      missing.origin.source = Source::flag;
      missing.message =
          "the BACKEND is missing: add the URL that requests go to, as in\n"
          "    onehop http://localhost:8000     (or `onehop demo`; `onehop help` has more)";
    } else {
      missing.origin = {.source = Source::file, .name = file_names_.front()};
      missing.message =
          "the backend is missing: add the URL that requests go to, as in\n"
          "    backend = \"http://localhost:8000\"";
    }
    loaded_.findings.push_back(std::move(missing));
  }

  void keep_warnings() {
    for (const Finding& finding : loaded_.findings) {
      if (finding.severity == Severity::warning)
        loaded_.configuration.warnings.push_back(sentence_of(finding));
    }
  }

  using Place = std::tuple<int, std::ptrdiff_t, std::size_t, std::size_t>;

  Place place_of(const Origin& origin) const {
    if (origin.source != Source::file) return {origin.source == Source::variable ? 1 : 2, 0, 0, 0};
    const auto file = std::ranges::find(file_names_, origin.name) - file_names_.begin();
    return {0, file, origin.line, origin.column};
  }

  // Findings at the same place keep their order.
  void sort_findings() {
    std::multimap<Place, Finding> sorted;
    for (Finding& finding : loaded_.findings) {
      const Place place = place_of(finding.origin);
      sorted.emplace(place, std::move(finding));
    }
    loaded_.findings.clear();
    for (auto& [place, finding] : sorted)
      loaded_.findings.push_back(std::move(finding));
  }

  Loaded loaded_;
  Arguments arguments_;
  const ReadFiles& read_files_;
  std::vector<std::string> file_names_;
  TableMaker tables_;
};

}  // namespace

const Given* Loaded::given_for(std::string_view setting) const {
  const auto found = given.find(find_setting(setting));
  return found == given.end() ? nullptr : &found->second;
}

Loaded load(const std::vector<std::string>& arguments,
            const Environment& environment,
            const ReadFiles& read_files) {
  return Loader(arguments, environment, read_files).take();
}

namespace {

// Returns the values that are in effect for a table: its own, those of its upstream, or those at
// the top.
const Given* given_for(const Loaded& loaded, std::string_view setting, const Configuration* table) {
  const Given* const own =
      table == nullptr ? nullptr : given_in(loaded.tables, loaded.configuration, *table, setting);
  return own == nullptr ? loaded.given_for(setting) : own;
}

}  // namespace

Finding finding_about(const Loaded& loaded,
                      std::string_view setting,
                      std::string message,
                      const Configuration* table) {
  Finding finding{.message = std::move(message)};
  const Given* const given = given_for(loaded, setting, table);
  if (given == nullptr) return finding;
  finding.origin.source = given->origin.source;
  if (given->origin.source != Source::file) return finding;  // the message names the setting
  finding.origin = given->origin;
  finding.excerpt = given->excerpt;
  finding.message = with_keys(finding.message);
  return finding;
}

Finding finding_about_value(const Loaded& loaded,
                            std::string_view setting,
                            std::size_t value,
                            std::string message,
                            Severity severity,
                            const Configuration* table) {
  Finding finding{.severity = severity, .message = std::move(message)};
  const Given* const given = given_for(loaded, setting, table);
  if (given == nullptr || value >= given->values.size()) return finding;
  finding.origin = given->values[value].origin;
  finding.excerpt = given->values[value].excerpt;
  if (finding.origin.source == Source::file) {
    finding.message = std::string(setting) + ": " + finding.message;
  }
  return finding;
}

}  // namespace onehop::config
