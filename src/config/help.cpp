// SPDX-License-Identifier: Apache-2.0
#include "config/help.hpp"

#include "config/commands.hpp"
#include "config/field_template.hpp"
#include "config/setting_groups.hpp"
#include "config/settings.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace onehop::config {
namespace {

constexpr std::string_view kUsage =
    R"(onehop: a reverse proxy for HTTP/1.1, HTTP/2 and gRPC

Usage: onehop [flags] BACKEND
       onehop --config FILE          with a file: a flag without its dashes is a key of it
)";

constexpr std::string_view kBackends = R"(
BACKEND is http://HOST[:PORT][/PATH], https://..., h2c://... (HTTP/2 without TLS), HOST:PORT,
PORT or :PORT (both http://localhost:PORT), or unix:PATH.

    onehop http://localhost:8000              listen on :80
    onehop -l :8080 8000                      listen on :8080, backend on localhost:8000
    onehop -l 127.0.0.1:8080 unix:app.sock    backend on a unix socket
    onehop http://a:8000 http://b:8000        several backends that do the same
    onehop --tls cert.pem --tls-key key.pem URL
                                              https on :443, and :80 redirects to it
    onehop -l :8443 --tls self 8000           a self-made certificate, for testing
)";

constexpr std::string_view kAboutPlaceholders = R"(
In --header-up and --header-down, names in braces stand for facts about the request, as in
--header-up 'X-Real-IP: {client}'. A field whose value becomes empty is removed. {{ and }} are
literal braces.
)";

constexpr std::string_view kNotes = R"(
A TIME has a unit (500ms, 15s, 5m), as has a SIZE (64KiB, 1MiB); 'off' removes a limit.
Flags marked ... may be repeated.
Each flag has an environment variable, which the flag overrides, and a key in the file, which both
override: --drain-timeout is ONEHOP_DRAIN_TIMEOUT and drain-timeout, and BACKEND is ONEHOP_BACKEND
and backend. Variables separate lists with commas and fields with line breaks; flags too may
separate addresses, networks and protocols with commas.
TERM, INT and QUIT drain; a second one stops immediately. HUP reads all
settings again.
Exit codes: 0 success, 1 run-time error, 2 usage error.
)";

// The column at which explanations begin.
constexpr std::size_t kColumn = 40;

std::string line_for(const Setting& setting, const Configuration& defaults) {
  std::string line = "  ";
  line += setting.letter != 0 ? std::string("-") + setting.letter + ", " : "    ";
  line += flag_of(setting);
  if (!setting.is_switch()) line += " " + std::string(setting.placeholder);
  if (setting.may_repeat()) line += "...";
  if (line.size() >= kColumn) line += "\n" + std::string(kColumn, ' ');
  line.resize(std::max(line.size(), kColumn), ' ');
  line += setting.help;
  const std::string value = setting.show(defaults);
  if (!value.empty()) line += " [" + value + "]";
  return line + "\n";
}

std::string placeholder_lines() {
  constexpr std::size_t kWidth = 100;
  std::string text;
  std::string line = " ";
  for (const std::string_view name : placeholder_names()) {
    if (line.size() + name.size() + 3 > kWidth) text += std::exchange(line, " ") + "\n";
    line += " {" + std::string(name) + "}";
  }
  return text + line + "\n";
}

std::string group_text(const GroupRow& group) {
  std::string text = "\n" + std::string(group.title) + "\n";
  const Configuration defaults;
  for (const Setting& setting : settings()) {
    if (setting.group == group.group) text += line_for(setting, defaults);
  }
  return text;
}

std::string command_lines() {
  constexpr std::size_t kWidth = 30;
  std::string text;
  for (const CommandRow& row : commands()) {
    std::string line = "onehop " + std::string(row.word);
    if (!row.usage.empty()) line += " " + std::string(row.usage);
    line.resize(std::max(line.size() + 2, kWidth), ' ');
    text += "       " + line + std::string(row.help) + "\n";
    for (const CommandFlag& flag : command_flags()) {
      if (flag.command != row.command) continue;
      std::string name = "    --" + std::string(flag.name);
      name.resize(kWidth, ' ');
      text += "       " + name + std::string(flag.help) + "\n";
    }
  }
  return text;
}

}  // namespace

std::string help_text() {
  std::string text = std::string(kUsage) + command_lines() + std::string(kBackends);
  for (const GroupRow& group : setting_groups())
    text += group_text(group);
  return text + std::string(kAboutPlaceholders) + placeholder_lines() + std::string(kNotes);
}

}  // namespace onehop::config
