// SPDX-License-Identifier: Apache-2.0
#include "config/admin_socket.hpp"

#include "config/admin_settings.hpp"

#include <cstdlib>
#include <string_view>

#include <sys/stat.h>

namespace onehop::config {
namespace {

constexpr std::string_view kName = "/onehop.sock";
// RuntimeDirectory= in the systemd unit.
constexpr const char* kFolderOfService = "/run/onehop";

// systemd sets the first variable only for the service itself.
constexpr const char* kVariables[] = {"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"};

// Returns the path of the socket in the folder that a variable names; "" if the variable is not
// set. Several folders are separated by colons; the first one counts.
std::string in_folder_of(const char* variable) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the program does not change it
  const char* const value = std::getenv(variable);
  if (value == nullptr || value[0] != '/') return {};
  const std::string_view folders = value;
  return std::string(folders.substr(0, folders.find(':'))).append(kName);
}

}  // namespace

std::string admin_socket_of(const AdminSettings& settings) {
  if (settings.socket == "off") return {};
  if (settings.socket != "auto") return settings.socket;
  for (const char* const variable : kVariables) {
    if (std::string path = in_folder_of(variable); !path.empty()) return path;
  }
  return {};
}

// std::filesystem::equivalent() does not compare sockets.
bool is_same_file(const std::string& one, const std::string& other) {
  struct stat first{};
  struct stat second{};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::vector<std::string> known_admin_sockets() {
  std::vector<std::string> paths;
  for (const char* const variable : kVariables) {
    if (std::string path = in_folder_of(variable); !path.empty()) paths.push_back(path);
  }
  paths.push_back(std::string(kFolderOfService).append(kName));
  return paths;
}

}  // namespace onehop::config
