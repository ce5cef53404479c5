// SPDX-License-Identifier: Apache-2.0
#include "program/file_restriction.hpp"

#include "config/acme_settings.hpp"
#include "config/admin_socket.hpp"
#include "config/listeners.hpp"
#include "config/settings.hpp"
#include "config/tables.hpp"
#include "net/address.hpp"
#include "program/invocation.hpp"
#include "program/named_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <link.h>

namespace onehop::program {
namespace {

namespace fs = std::filesystem;

// Read by the C library, OpenSSL and c-ares. /proc and /sys have the figures of the process and its
// machine.
constexpr std::array kOfSystem = {"/etc", "/usr", "/lib", "/lib64", "/proc", "/sys"};
constexpr std::array kDevices = {"/dev/random", "/dev/urandom"};
// Links that may lead elsewhere, such as to /run/systemd/resolve.
constexpr std::array kLinks = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                               "/etc/localtime"};
// Variables with the folders, separated by colons, that systemd creates for the service.
constexpr std::array kOwnFolders = {"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "LOGS_DIRECTORY",
                                    "CACHE_DIRECTORY"};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::string() : value;
}

class Places {
 public:
  // Adds a file or folder under its real path, without links.
  void add(const fs::path& path,
           FileUse use,
           std::string_view setting = {},
           std::string_view table = {}) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(fs::absolute(path, error), error);
    if (error || real.empty()) return;
    FilePlace place{.path = real.string(),
                    .use = use,
                    .setting = std::string(setting),
                    .table = std::string(table)};
    const auto is_same = [&place](const FilePlace& other) {
      return other.path == place.path && other.use == place.use;
    };
    if (std::ranges::none_of(places_, is_same)) places_.push_back(std::move(place));
  }

  // Adds the folder of a file, because the file may be replaced, and the folder of the file that it
  // links to. A device is added itself.
  void add_folder_of(const fs::path& file,
                     FileUse use,
                     std::string_view setting = {},
                     std::string_view table = {}) {
    std::error_code error;
    const fs::path named = fs::absolute(file, error).lexically_normal();
    const fs::path real = fs::weakly_canonical(named, error);
    for (const fs::path& one : {named, real}) {
      if (one.empty()) continue;
      const bool is_device = one.string().starts_with("/dev/");
      add(is_device ? one : one.parent_path(), use, setting, table);
    }
  }

  std::vector<FilePlace> take() { return std::move(places_); }

 private:
  std::vector<FilePlace> places_;
};

// Adds the folder of a loaded library, because more libraries may be loaded from there.
int add_library(dl_phdr_info* info, std::size_t, void* places) {
  if (info->dlpi_name != nullptr && info->dlpi_name[0] == '/') {
    static_cast<Places*>(places)->add_folder_of(info->dlpi_name, FileUse::read);
  }
  return 0;
}

// If a link on the way to the program leads to the folder of a release, adds the folder that
// contains the releases: an upgrade follows the link to another release.
void add_releases(Places& places, const fs::path& program) {
  std::error_code error;
  fs::path way;
  for (const fs::path& part : program) {
    way /= part;
    if (!fs::is_symlink(way, error)) continue;
    const fs::path release = fs::weakly_canonical(way, error);
    const bool is_file = way == program;
    const fs::path all = is_file ? release.parent_path().parent_path() : release.parent_path();
    // Skips links of the system, such as /bin, which leads to /usr/bin.
    if (all != "/" && all != "/usr" && !all.empty()) places.add(all, FileUse::execute);
  }
}

// Adds the program, which may be replaced by a new version and started again, and its loader.
void add_program(Places& places) {
  if (const fs::path program = started_program(); !program.empty()) {
    places.add_folder_of(program, FileUse::execute);
    add_releases(places, program);
  }
  for (const char* const loader : {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"})
    places.add(loader, FileUse::execute);
}

void add_system(Places& places) {
  add_program(places);
  for (const char* const folder : kOfSystem)
    places.add(folder, FileUse::read);
  for (const char* const device : kDevices)
    places.add(device, FileUse::read);
  places.add("/dev/null", FileUse::write);
  for (const char* const link : kLinks)
    places.add_folder_of(link, FileUse::read);
  ::dl_iterate_phdr(&add_library, &places);
  // These variables name files that OpenSSL reads.
  for (const char* const name : {"SSL_CERT_FILE", "OPENSSL_CONF"}) {
    if (const std::string file = variable(name); !file.empty())
      places.add_folder_of(file, FileUse::read);
  }
  if (const std::string folder = variable("SSL_CERT_DIR"); !folder.empty())
    places.add(folder, FileUse::read);
  // An instrumented program writes its counts at the end.
  if (const std::string file = variable("LLVM_PROFILE_FILE"); !file.empty())
    places.add_folder_of(file, FileUse::write);
}

void add_own_folders(Places& places) {
  for (const char* const name : kOwnFolders) {
    std::string folders = variable(name);
    while (!folders.empty()) {
      const std::size_t end = std::min(folders.find(':'), folders.size());
      if (end > 0) places.add(folders.substr(0, end), FileUse::write);
      folders.erase(0, end + 1);
    }
  }
}

void add_sockets(Places& places, const config::Configuration& configuration) {
  for (const std::string& listener : configuration.listen) {
    const auto at = listener.find("unix:");
    if (at != std::string::npos)
      places.add_folder_of(listener.substr(at + 5), FileUse::write, "listen");
  }
  const std::string path = config::admin_socket_of(configuration.admin);
  if (!path.empty()) places.add_folder_of(path, FileUse::write, "admin-socket");
}

void add_state(Places& places, const config::Configuration& configuration) {
  if (!configuration.acme.is_on()) return;
  places.add(config::state_folder_of(configuration.acme), FileUse::write, "state");
}

void add_named_files(Places& places, const config::Configuration& configuration) {
  for (const NamedFile& file : named_files(configuration)) {
    std::error_code error;
    if (!fs::is_directory(file.path, error)) {
      const std::string table = file.table == nullptr ? std::string() : file.table->table.title;
      places.add_folder_of(file.path, FileUse::read, file.setting, table);
      continue;
    }
    places.add(file.path, FileUse::read, file.setting);
    for (auto entry = fs::directory_iterator(file.path, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (entry->is_symlink(error)) places.add_folder_of(entry->path(), FileUse::read);
    }
  }
  const observe::LogDestination& log = configuration.access_log_to;
  if (log.kind == observe::LogDestination::Kind::file)
    places.add_folder_of(log.path, FileUse::write, "access-log-to");
}

bool is_below(std::string_view path, std::string_view folder) {
  return folder == "/" ||
         (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'));
}

// Returns null for the top level.
const config::Configuration* table_named(const config::Configuration& configuration,
                                         const std::string& title) {
  const auto all = config::with_tables(configuration);
  const auto found =
      std::ranges::find_if(all, [&title](const auto* one) { return one->table.title == title; });
  return title.empty() || found == all.end() ? nullptr : *found;
}

std::string why_not(int error) {
  if (error == ENOSYS || error == EOPNOTSUPP) return "the kernel does not support Landlock";
  return "a system call filter forbids it";
}

}  // namespace

std::vector<FilePlace> file_places(const config::Configuration& configuration) {
  Places places;
  add_system(places);
  add_own_folders(places);
  add_sockets(places, configuration);
  add_state(places, configuration);
  add_named_files(places, configuration);
  // The kernel writes core dumps to the working directory, unless another program receives them.
  if (configuration.core_dumps) places.add(".", FileUse::write);
  return places.take();
}

void make_state_folder(const config::Configuration& configuration) {
  if (!configuration.acme.is_on()) return;
  std::error_code error;
  fs::create_directories(config::state_folder_of(configuration.acme), error);
}

Result<FileRestriction> FileRestriction::begin(const config::Configuration& configuration) {
  if (!configuration.landlock) return FileRestriction("off");
  const auto version = landlock_version();
  if (!version) return FileRestriction("off, because " + why_not(version.error()));
  FileRestriction restriction("on (version " + std::to_string(*version) + ")");
  restriction.places_ = file_places(configuration);
  restriction.is_on_ = true;
  if (auto restricted = restrict_files(restriction.places_); !restricted) {
    return failure(restricted.error().with("--landlock off turns it off"));
  }
  return restriction;
}

config::Findings FileRestriction::refusals(const config::Loaded& next) const {
  config::Findings findings;
  if (!is_on_) return findings;
  for (const FilePlace& place : file_places(next.configuration)) {
    std::error_code error;
    // A place without a setting has changed with the system, not with the settings. A missing file
    // is reported elsewhere.
    if (place.setting.empty() || !fs::exists(place.path, error)) continue;
    const auto allows = [&place](const FilePlace& allowed) {
      return (allowed.use == place.use || place.use == FileUse::read) &&
             is_below(place.path, allowed.path);
    };
    if (std::ranges::any_of(places_, allows)) continue;
    const std::string use = place.use == FileUse::write ? "write to " : "read ";
    findings.push_back(
        config::finding_about(next, place.setting,
                              "--" + place.setting + ": since its start, onehop may not " + use +
                                  place.path + " (--landlock): restart it to use another folder",
                              table_named(next.configuration, place.table)));
  }
  return findings;
}

}  // namespace onehop::program
