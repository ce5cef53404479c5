// SPDX-License-Identifier: Apache-2.0
#include "config/config_files.hpp"

#include "net/small_file.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

namespace onehop::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".toml";

std::vector<std::string> files_in(const std::string& directory, std::error_code& error) {
  std::vector<std::string> names;
  for (auto entry = fs::directory_iterator(directory, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(kExtension) && !name.starts_with('.')) names.push_back(name);
  }
  std::ranges::sort(names);
  for (std::string& name : names)
    name = (fs::path(directory) / name).string();
  return names;
}

std::vector<ConfigFile> read_files(const NamedFiles& named,
                                   net::FileKinds kinds,
                                   Findings& findings) {
  std::vector<ConfigFile> files;
  const auto report = [&](Severity severity, const std::string& name, const std::string& why) {
    findings.push_back(
        {.severity = severity, .origin = named.origin, .message = name + ": " + why});
  };
  const auto read = [&](const std::string& name) {
    if (auto text = net::read_small_file(name, kinds)) {
      files.push_back({name, std::move(*text)});
    } else {
      report(Severity::error, name, text.error());
    }
  };
  for (const std::string& name : named.names) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      read(name);
      continue;
    }
    const std::vector<std::string> inside = files_in(name, error);
    if (error) report(Severity::error, name, "cannot be read: " + error.message());
    if (!error && inside.empty()) {
      report(Severity::warning, name, "this directory has no file *.toml");
    }
    std::ranges::for_each(inside, read);
  }
  return files;
}

}  // namespace

std::vector<ConfigFile> read_config_files(const NamedFiles& named, Findings& findings) {
  return read_files(named, net::FileKinds::regular_or_pipe, findings);
}

std::vector<ConfigFile> read_config_files_again(const NamedFiles& named, Findings& findings) {
  return read_files(named, net::FileKinds::regular, findings);
}

bool is_read_once(const std::string& name) {
  std::error_code error;
  const fs::file_status status = fs::status(name, error);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

std::size_t fingerprint_of(const std::vector<ConfigFile>& files, const Findings& findings) {
  std::string contents;
  for (const auto& [name, text] : files)
    contents.append(name).append(1, '\0').append(std::to_string(text.size())).append(text);
  for (const Finding& finding : findings)
    contents.append(finding.message);
  return std::hash<std::string>()(contents);
}

}  // namespace onehop::config
