// SPDX-License-Identifier: Apache-2.0
#include "config/man_page.hpp"

#include "config/commands.hpp"
#include "config/route_settings.hpp"
#include "config/setting_groups.hpp"
#include "config/settings.hpp"

#include <string>

namespace onehop::config {
namespace {

constexpr std::string_view kDescription = R"(.SH DESCRIPTION
onehop passes the requests of clients on to one backend, or spreads them over several, over HTTP/1.1
and HTTP/2, with and without TLS.
.PP
BACKEND is http://HOST[:PORT][/PATH], https://..., h2c://... (HTTP/2 without TLS), HOST:PORT,
PORT or :PORT (both on localhost), or unix:PATH.
)";

constexpr std::string_view kConfiguration = R"(.SH CONFIGURATION
Each setting has one name in three spellings: a flag (\-\-drain\-timeout), an environment variable
(ONEHOP_DRAIN_TIMEOUT) and a key of the configuration file (drain\-timeout). A flag overrides the
variable, which overrides the file, which overrides the default. A list is replaced as a whole.
.PP
The file is in TOML. Texts are in double quotes, lists in brackets:
.PP
.nf
backend = "http://localhost:8000"
listen  = ["https://:443", "redirect://:80"]
tls     = "/etc/onehop/cert.pem"
tls\-key = "/etc/onehop/key.pem"
.fi
.PP
A TIME has a unit (500ms, 15s, 5m, 24h), and so has a SIZE (64KiB, 1MiB). \(dqoff\(dq removes a
limit. In a variable, commas separate the values of a list, and line breaks those of a FIELD.
.PP
A changed setting takes effect, after a reload, when its description says: with the next request,
timer or connection, at once, with a new pool of connections to the backend, with a new listener,
with \fBonehop upgrade\fR, which drops no connections, or only with a restart.
)";

constexpr std::string_view kTables = R"(.SH TABLES
A file may name further backends, each in a table [upstream.NAME], and send requests to them by
tables [[route]]. In [upstream.NAME] may be all settings of the backend, and in [[route]] these and
host\-header, header\-up, header\-down and allow\-upgrade; they override those at the top.
.PP
Of the routes that take a request, the most specific one gets it, whatever their order. The backend
at the top gets those that no route takes; without one they get a 404.
.PP
.nf
[upstream.api]
backend = "http://10.0.0.1:8000"
.PP
[[route]]
host = "www.example.org"
path = "/api/*"
upstream = "api"
strip\-prefix = "/api"
.fi
.PP
These settings are in [[route]] only:
)";

constexpr std::string_view kEnd = R"(.SH SIGNALS
.TP
TERM, INT, QUIT
Drain: finish the requests in flight, then end. A second one ends immediately.
.TP
HUP
Reload the configuration.
.SH EXIT STATUS
.TP
0
Success.
.TP
1
A run\-time error, such as a port that is taken.
.TP
2
A mistake in the configuration.
.SH FILES
.TP
/etc/onehop/onehop.toml
The configuration file of the service. No file is read unless \-\-config or ONEHOP_CONFIG names it.
.SH SEE ALSO
The operator's manual, docs/operating.md.
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '-') {
      result += "\\-";
    } else if (c == '\\') {
      result += "\\e";
    } else {
      result += c;
    }
  }
  // At the start of a line, these characters would begin a groff request.
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

std::string paragraph(const std::string& head, const std::string& body) {
  return ".TP\n.B " + escaped(head) + "\n" + escaped(body) + "\n";
}

std::string setting_entry(const Setting& setting, const Configuration& defaults) {
  std::string head = setting.letter != 0 ? std::string("-") + setting.letter + ", " : "";
  head += flag_of(setting);
  if (!setting.is_switch()) head += " " + std::string(setting.placeholder);
  std::string body(setting.help);
  const std::string value = setting.show(defaults);
  if (!value.empty()) body += ". Default: " + value;
  if (setting.may_repeat()) body += ". May be repeated";
  body += ". In effect: " + std::string(words_for(setting.when)) + ". Since version " +
          std::string(setting.since) + ".";
  return paragraph(head, body);
}

// Returns the keys of a [[route]], which have no flags.
std::string tables_text() {
  std::string text = std::string(kTables);
  for (const Setting& setting : route_settings()) {
    text +=
        paragraph(std::string(setting.name) + " = " +
                      (setting.is_switch() ? "true|false" : std::string(setting.placeholder)),
                  std::string(setting.help) + (setting.may_repeat() ? ". May be a list." : "."));
  }
  return text;
}

std::string commands_text() {
  std::string text = ".SH COMMANDS\n";
  for (const CommandRow& row : commands()) {
    std::string head = "onehop " + std::string(row.word);
    if (!row.usage.empty()) head += " " + std::string(row.usage);
    text += paragraph(head, std::string(row.help) + ".");
    for (const CommandFlag& flag : command_flags()) {
      if (flag.command != row.command) continue;
      text += ".RS\n" + paragraph("--" + std::string(flag.name), std::string(flag.help) + ".") +
              ".RE\n";
    }
  }
  return text;
}

}  // namespace

std::string man_page(std::string_view version) {
  const Configuration defaults;
  std::string text = ".TH ONEHOP 1 \"\" \"onehop " + std::string(version) + "\"\n";
  text += ".SH NAME\nonehop \\- a reverse proxy for HTTP/1.1, HTTP/2 and gRPC\n";
  text +=
      ".SH SYNOPSIS\n.B onehop\n[flags] BACKEND\n.br\n.B onehop\n\\-\\-config FILE\n.br\n"
      ".B onehop\nCOMMAND [flags]\n";
  text += std::string(kDescription) + commands_text() + std::string(kConfiguration);
  text += ".SH SETTINGS\n";
  for (const GroupRow& group : setting_groups()) {
    text += ".SS " + escaped(group.title) + "\n";
    for (const Setting& setting : settings()) {
      if (setting.group == group.group) text += setting_entry(setting, defaults);
    }
  }
  return text + tables_text() + std::string(kEnd);
}

}  // namespace onehop::config
