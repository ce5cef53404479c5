// SPDX-License-Identifier: Apache-2.0
#include "program/check_command.hpp"

#include "config/differences.hpp"
#include "config/finding_text.hpp"
#include "config/print.hpp"
#include "config/schema.hpp"
#include "config/secrets.hpp"
#include "config/settings.hpp"
#include "config/tables.hpp"
#include "observe/log.hpp"
#include "program/admin_client.hpp"
#include "program/backend_probe.hpp"
#include "program/file_checks.hpp"
#include "program/output.hpp"
#include "server/line_writer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace onehop::program {
namespace {

constexpr std::chrono::seconds kLookUpPatience(5);

config::Colour colour_for(std::FILE* stream) {
  // NOLINTBEGIN(concurrency-mt-unsafe): there are no threads yet.
  const char* const none = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  // NOLINTEND(concurrency-mt-unsafe)
  const bool is_refused = none != nullptr && *none != '\0';
  const bool is_capable = terminal != nullptr && std::string_view(terminal) != "dumb";
  const bool has_colour = ::isatty(::fileno(stream)) == 1 && is_capable && !is_refused;
  return has_colour ? config::Colour::always : config::Colour::never;
}

// Connects to the backends that the table itself names.
void probe_backends(config::Loaded& loaded, const config::Configuration& table) {
  const std::size_t count = std::max<std::size_t>(table.backends.size(), 1);
  for (std::size_t i = 0; i < count; ++i) {
    // The servers of a service are known only after a lookup, and may change later.
    if (!table.backends.empty() && !table.backends[i].service.empty()) continue;
    const Url& backend = table.backends.empty() ? table.backend : table.backends[i].url;
    const ProbeResult result =
        probe_backend({backend, table.transport.dns_servers},
                      std::chrono::duration_cast<std::chrono::milliseconds>(kLookUpPatience));
    if (result.problem.empty()) continue;
    loaded.findings.push_back(config::finding_about_value(
        loaded, config::kBackendSetting, i,
        config::shown_url(backend) + " does not answer: " + result.problem, config::Severity::error,
        &table));
  }
}

// Skips tables without backends, which use those of the top level or of an upstream.
void probe(config::Loaded& loaded) {
  for (const config::Configuration* const one : config::with_tables(loaded.configuration)) {
    const bool is_top = one == &loaded.configuration;
    if ((is_top && one->backend.is_absolute()) || one->table.has(config::kBackendSetting))
      probe_backends(loaded, *one);
  }
}

// Prints the differences to the running process. Returns the exit code.
int print_differences(const config::Loaded& loaded) {
  const auto printed = read_admin_page(loaded.configuration, "/config");
  if (!printed) {
    observe::print_error(printed.error().detail());
    return kRunTimeFailure;
  }
  const config::Loaded running = config::load_printed(*printed);
  if (!running.is_usable()) {
    print_findings(running.findings);
    return kRunTimeFailure;
  }
  const auto changes =
      config::differences(running.configuration, loaded.configuration, config::Secrets::hidden);
  const auto unknown = config::not_compared(running.configuration, loaded.configuration);
  std::string text;
  for (const std::string& sentence : unknown)
    text += sentence + "\n";
  if (changes.empty()) {
    text += unknown.empty() ? "a reload would change no setting\n"
                            : "a reload would change no setting that was compared\n";
  }
  for (const config::Difference& change : changes)
    text += config::text_of(change) + "\n";
  return print(text + config::remedies_for(changes));
}

std::string verdict_on(const config::Findings& findings) {
  const std::string summary = config::summary_of(findings);
  if (config::has_errors(findings)) return summary + "\n";
  return summary.empty() ? "the configuration is good\n"
                         : summary + "; the configuration can be used\n";
}

}  // namespace

void print_findings(const config::Findings& findings) {
  const std::string text = config::text_of(findings, colour_for(stderr));
  if (!text.empty())
    server::LineWriter(STDERR_FILENO).add(text);  // does not wait for a stuck reader
}

int run_check(config::Loaded loaded) {
  const auto asks_for = [flags = loaded.configuration.command_flags](std::string_view name) {
    return std::ranges::find(flags, name) != flags.end();
  };
  if (asks_for("schema") && loaded.configuration.command_flags.size() == 1)
    return print(config::schema_text());
  if (loaded.is_usable()) {
    std::ranges::move(check_files(loaded), std::back_inserter(loaded.findings));
    if (asks_for("live")) probe(loaded);
  }
  const bool is_good = loaded.is_usable();
  const auto and_verdict = [is_good](int printed) {
    return printed == 0 && !is_good ? kUsageFailure : printed;
  };
  if (asks_for("json")) return and_verdict(print(config::json_of(loaded.findings)));
  if (asks_for("diff") && is_good) {
    print_findings(loaded.findings);
    return print_differences(loaded);
  }
  if (asks_for("print")) {
    print_findings(loaded.findings);
    return is_good ? print(config::print_configuration(loaded)) : kUsageFailure;
  }
  const std::string text = config::text_of(loaded.findings, colour_for(stdout));
  return and_verdict(print(text + verdict_on(loaded.findings)));
}

}  // namespace onehop::program
