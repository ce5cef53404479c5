// SPDX-License-Identifier: Apache-2.0
#include <onehop/library_version.hpp>

#include "config/completion.hpp"
#include "config/finding_text.hpp"
#include "config/help.hpp"
#include "config/load.hpp"
#include "config/man_page.hpp"
#include "config/manual_tables.hpp"
#include "observe/log.hpp"
#include "program/acme_command.hpp"
#include "program/admin_client.hpp"
#include "program/check_command.hpp"
#include "program/core_dumps.hpp"
#include "program/demo.hpp"
#include "program/file_restriction.hpp"
#include "program/invocation.hpp"
#include "program/messages.hpp"
#include "program/output.hpp"
#include "program/predecessor.hpp"
#include "program/serving.hpp"
#include "program/signals.hpp"
#include "program/systemd_environment.hpp"
#include "program/upgrade.hpp"

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace onehop::program {
namespace {

config::Environment environment() {
  config::Environment ours;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("ONEHOP_")) continue;
    ours.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return ours;
}

// Opens descriptors 0, 1 and 2 if the parent has closed them. Otherwise the kernel would reuse them
// for sockets, and the logs would be written to those.
void open_standard_descriptors() {
  int descriptor = 0;
  do {
    descriptor = ::open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

// Raises the limit of open files to the maximum allowed, because a proxy needs many connections.
void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Forbids this process, and programs that it starts, to gain privileges. Threads inherit the
// setting, so it must be made before they start.
void renounce_new_privileges() {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

std::string help_for(const std::vector<std::string>& flags) {
  const std::string_view kind = flags.empty() ? std::string_view() : flags.front();
  if (kind == "man") return config::man_page(library_version());
  if (kind == "tables") return config::manual_tables();
  return config::help_text();
}

int print_completion(const std::vector<std::string>& words) {
  const auto script = words.size() == 1 ? config::completion(words.front()) : std::nullopt;
  if (script) return print(*script);
  observe::print_error("onehop completion: name a shell: bash, zsh or fish");
  return kUsageFailure;
}

// Returns the configuration files, such as "onehop.toml, /etc/onehop.d", or "command line".
std::string source_of(const config::Configuration& configuration) {
  std::string names;
  for (const std::string& file : configuration.config_files)
    names += (names.empty() ? "" : ", ") + file;
  return names.empty() ? "command line" : names;
}

// Serves with `loaded`; a reload calls `read`. `arrival` is null unless this process replaces
// another.
int serve_as(config::Loaded loaded,
             std::function<config::Loaded()> read,
             Invocation invocation,
             ManagerEnvironment manager,
             std::shared_ptr<Arrival> arrival) {
  renounce_new_privileges();
  if (loaded.configuration.core_dumps) allow_core_dumps();
  make_state_folder(loaded.configuration);
  auto files = FileRestriction::begin(loaded.configuration);
  if (!files) {
    if (arrival) arrival->from.refuse(reason_of(files.error()));
    observe::print_error(files.error().to_string());
    return EXIT_FAILURE;
  }
  Signals signals;
  raise_open_file_limit();
  const bool is_demo = loaded.configuration.command == config::Command::demo;
  std::string source = source_of(loaded.configuration);
  Service::Setup setup{.loaded = std::move(loaded),
                       .read = std::move(read),
                       .source = std::move(source),
                       .manager = std::move(manager),
                       .files = *std::move(files),
                       .arrival = std::move(arrival)};
  if (is_demo) return serve_demo(std::move(setup), signals);
  setup.invocation = std::move(invocation);
  return serve_backend(std::move(setup), signals);
}

// Serves. If there is a predecessor, takes over from it, and reports to it why that fails.
int serve(config::Loaded loaded,
          std::function<config::Loaded()> read,
          Invocation invocation,
          std::optional<Predecessor> predecessor) {
  auto manager = take_manager_environment();
  if (!manager) {
    if (predecessor) predecessor->refuse(manager.error());
    observe::print_error(manager.error());
    return kUsageFailure;
  }
  std::shared_ptr<Arrival> arrival;
  if (predecessor) {
    auto arrived = arrive(*std::move(predecessor), *manager);
    if (!arrived) {
      observe::print_error("cannot take over: " + reason_of(arrived.error()));
      return EXIT_FAILURE;
    }
    arrival = std::move(*arrived);
    if (!arrival) observe::print_error("the process to replace has ended: starting normally");
  }
  try {
    return serve_as(std::move(loaded), std::move(read), std::move(invocation), *std::move(manager),
                    arrival);
  } catch (const std::exception& error) {
    if (arrival) arrival->from.refuse(error.what());
    throw;
  }
}

int run(const std::vector<std::string>& arguments) {
  auto predecessor = Predecessor::take();
  Invocation invocation = invocation_of(arguments);
  const auto read = [arguments, variables = environment()](const config::ReadFiles& read_files) {
    return config::load(arguments, variables, read_files);
  };
  config::Loaded loaded = read(config::read_config_files);
  const config::Command command = loaded.configuration.command;
  const bool serves = command == config::Command::proxy || command == config::Command::demo;
  if (!serves) release_other_signals();
  const config::Configuration& configuration = loaded.configuration;
  if (configuration.command == config::Command::check) return run_check(std::move(loaded));
  if (!loaded.is_usable()) {
    print_findings(loaded.findings);
    if (predecessor) predecessor->refuse(config::summary_of(loaded.findings) + " in the settings");
    return kUsageFailure;
  }
  switch (configuration.command) {
    case config::Command::help:
      return print(help_for(configuration.command_flags));
    case config::Command::completion:
      return print_completion(configuration.command_words);
    case config::Command::version:
      return print("onehop " + std::string(library_version()) + "\n");
    case config::Command::acme:
      return run_acme_command(configuration);
    case config::Command::status:
    case config::Command::reload:
    case config::Command::upgrade:
    case config::Command::drain:
    case config::Command::stop:
    case config::Command::log_level:
      return run_admin_command(configuration);
    default:
      return serve(
          std::move(loaded), [read] { return read(config::read_config_files_again); },
          std::move(invocation), std::move(predecessor));
  }
}

}  // namespace
}  // namespace onehop::program

int main(int argc, char** argv) {
  namespace program = onehop::program;
  program::forbid_core_dumps();
  program::hold_other_signals();
  program::open_standard_descriptors();
  try {
    return program::run({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& error) {
    onehop::observe::print_error(error.what());
    return 1;
  }
}
