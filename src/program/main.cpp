// SPDX-License-Identifier: Apache-2.0
#include <onehop/library_version.hpp>

#include "program/command_line.hpp"
#include "program/demo.hpp"
#include "program/help.hpp"
#include "program/log.hpp"
#include "program/serving.hpp"
#include "program/signals.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace onehop::program {
namespace {

constexpr int kUsageFailure = 2;

Environment environment() {
  Environment ours;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("ONEHOP_")) continue;
    ours.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return ours;
}

// The parent may have closed 0, 1 or 2. The kernel would reuse them for sockets, and the logs would
// be written to those.
void open_standard_descriptors() {
  int descriptor = 0;
  do {
    descriptor = ::open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

// A proxy needs many connections: use as many as the administrator allows.
void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// This program runs no others. Threads inherit the setting, so it comes before them.
void renounce_new_privileges() {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? 0 : 1;
}

int run(const Configuration& configuration) {
  switch (configuration.command) {
    case Command::help:
      return print(help_text());
    case Command::version:
      return print("onehop " + std::string(library_version()) + "\n");
    case Command::demo:
    case Command::proxy:
      break;
  }
  renounce_new_privileges();
  Signals signals;
  raise_open_file_limit();
  if (configuration.command == Command::demo) return serve_demo(configuration, signals);
  return serve_backend(configuration, signals);
}

}  // namespace
}  // namespace onehop::program

int main(int argc, char** argv) {
  namespace program = onehop::program;
  program::open_standard_descriptors();
  try {
    const auto configuration = program::parse_command_line({argv + (argc > 0 ? 1 : 0), argv + argc},
                                                           program::environment());
    if (configuration) return program::run(*configuration);
    program::print_error(configuration.error());
    return program::kUsageFailure;
  } catch (const std::exception& error) {
    program::print_error(error.what());
    return 1;
  }
}
