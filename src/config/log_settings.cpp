// SPDX-License-Identifier: Apache-2.0
#include "config/log_settings.hpp"

#include "config/pointed_out.hpp"
#include "config/quantities.hpp"
#include "config/suggestion.hpp"
#include "observe/log_fields.hpp"
#include "observe/trace_exporter.hpp"

#include <algorithm>
#include <array>

namespace onehop::config {
namespace {

using observe::LogDestination;

constexpr std::array<std::string_view, 2> kPlaces = {"stdout", "syslog"};
constexpr std::string_view kSyslogAt = "syslog:";

// Returns "user:password@" of a URL; "" if it has none.
std::string_view credentials_in(std::string_view url) {
  const auto scheme = url.find("://");
  std::string_view authority = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  return authority.substr(0, authority.rfind('@') + 1);  // npos + 1 is 0
}

}  // namespace

Parsed<LogDestination> LogPlace::parse(std::string_view text) {
  using Kind = LogDestination::Kind;
  if (text == "stdout") return LogDestination{};
  if (text == "syslog") {
    return LogDestination{.kind = Kind::syslog, .path = LogDestination::kSyslogSocket};
  }
  if (text.starts_with(kSyslogAt)) {
    const std::string path(text.substr(kSyslogAt.size()));
    if (path.starts_with('/')) return LogDestination{.kind = Kind::syslog, .path = path};
    return refused(in_quotes(text) + " needs the absolute path of a socket, as in syslog:/dev/log");
  }
  if (text.ends_with('/')) return refused(in_quotes(text) + " is a directory");
  if (text.find('/') != std::string_view::npos) {
    return LogDestination{.kind = Kind::file, .path = std::string(text)};
  }
  // A word without a slash is probably a mistake, and would create a file of that name in the
  // current directory.
  std::string why = in_quotes(text) + " is not stdout, syslog or a path";
  const auto meant = nearest(text, kPlaces);
  if (meant || !text.empty()) why += did_you_mean(meant ? *meant : "./" + std::string(text));
  return refused(std::move(why));
}

Parsed<std::string> LogFieldName::parse(std::string_view text) {
  if (observe::find_log_field(text) != nullptr) return std::string(text);
  std::vector<std::string_view> names;
  for (const observe::LogField& field : observe::log_fields())
    names.push_back(field.name);
  std::string why = in_quotes(text) + " is not a field of the access log";
  if (const auto meant = nearest(text, names)) return refused(why + did_you_mean(*meant));
  why += "; the fields are";
  for (const std::string_view name : names)
    why.append(name == names.front() ? " " : ", ").append(name);
  return refused(std::move(why));
}

// An error does not repeat the URL, which may contain secrets that must not be logged.
Parsed<Url> CollectorUrl::parse(std::string_view text) {
  const std::string_view credentials = credentials_in(text);
  if (!credentials.empty()) {
    return pointed_out(text, credentials,
                       "credentials in the URL of a collector are never sent; remove them");
  }
  auto url = observe::collector_url(text);
  if (url) return std::move(*url);
  std::string why = "this is not the URL of a collector, such as http://HOST:4318";
  if (text.find("://") == std::string_view::npos)
    why += did_you_mean("http://" + std::string(text.substr(0, text.find('?'))));
  return pointed_out(text, text, std::move(why));
}

Parsed<double> SampleShare::parse(std::string_view text) {
  return parse_share(text);
}

std::string SampleShare::show(double value) {
  return format_share(value);
}

std::string contradiction_in_log_fields(const std::vector<std::string>& names) {
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(names.begin(), name, *name) != name) {
      return "--access-log-fields names " + in_quotes(*name) + " twice";
    }
  }
  return {};
}

}  // namespace onehop::config
