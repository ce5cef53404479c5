// SPDX-License-Identifier: Apache-2.0
#include "program/invocation.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>

#include <sys/auxv.h>
#include <unistd.h>

namespace onehop::program {
namespace {

namespace fs = std::filesystem;

std::string find_program() {
  std::error_code error;
  const fs::path itself = fs::read_symlink("/proc/self/exe", error);
  const auto* const name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  const fs::path started = name == nullptr ? fs::path() : fs::absolute(name, error);
  // The name is useless if it names a script or a descriptor, or if the file is gone.
  if (!started.empty() && !itself.empty() && fs::equivalent(started, itself, error) &&
      !started.native().starts_with("/dev/") && !started.native().starts_with("/proc/")) {
    return started.string();
  }
  return itself.string();
}

}  // namespace

const std::string& started_program() {
  static const std::string program = find_program();
  return program;
}

Invocation invocation_of(const std::vector<std::string>& arguments) {
  Invocation invocation{.program = started_program(), .arguments = arguments};
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    // Skips variables that are meant for this process only.
    const bool is_other = text.starts_with("LISTEN_") || text.starts_with("WATCHDOG_PID=");
    if (!is_other) invocation.environment.emplace_back(text);
  }
  return invocation;
}

}  // namespace onehop::program
