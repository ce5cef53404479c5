// SPDX-License-Identifier: Apache-2.0
#include "config/route_settings.hpp"

#include <onehop/routes.hpp>

#include "base/ascii.hpp"
#include "config/parsed.hpp"
#include "config/pointed_out.hpp"
#include "config/setting_binding.hpp"
#include "config/setting_kinds.hpp"
#include "config/settings.hpp"
#include "proxy/route_host.hpp"
#include "proxy/route_path.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace onehop::config {
namespace {

struct HostPattern : Text {
  static constexpr std::string_view kPlaceholder = "HOST";
  static constexpr char kSeparator = ',';
  static Parsed<std::string> parse(std::string_view text) {
    const auto host = parse_host_pattern(text);
    if (!host) return refused(std::string(host.error().detail()));
    return std::string(text);
  }
};

struct Path : Text {
  static constexpr std::string_view kPlaceholder = "PATH";
  static Parsed<std::string> parse(std::string_view text) {
    const auto pattern = parse_path_pattern(text);
    if (!pattern) return refused(std::string(pattern.error().detail()));
    return std::string(text);
  }
};

struct MethodName {
  static constexpr std::string_view kPlaceholder = "METHOD";
  static Parsed<std::optional<Method>> parse(std::string_view text) {
    const auto method = Method::parse(text);
    if (!method) return refused(in_quotes(text) + " is not a method");
    std::string upper(text);
    std::ranges::transform(upper, upper.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    if (upper == text) return method;
    return refused(in_quotes(text) + " is not the usual spelling: methods are case-sensitive" +
                   did_you_mean(upper));
  }
  static std::string show(const std::optional<Method>& method) {
    return method ? std::string(method->text()) : "";
  }
};

struct HeaderTest : Text {
  static constexpr std::string_view kPlaceholder = "FIELD";
  static Parsed<std::string> parse(std::string_view text) {
    const std::string_view name = ascii::trim_blanks(text.substr(0, text.find(':')));
    if (!ascii::is_token(name)) return refused(in_quotes(text) + " is not NAME or 'NAME: VALUE'");
    return std::string(text);
  }
};

struct UpstreamName : Text {
  static constexpr std::string_view kPlaceholder = "NAME";
  static Parsed<std::string> parse(std::string_view text) { return std::string(text); }
};

struct Prefix : Text {
  static constexpr std::string_view kPlaceholder = "PATH";
  static Parsed<std::string> parse(std::string_view text) {
    if (const auto valid = check_prefix(text); !valid) {
      return refused(std::string(valid.error().detail()));
    }
    return std::string(text);
  }
};

// Returns the message without the name of the function that has thrown it.
std::string reason_of(const std::invalid_argument& error) {
  const std::string_view why = error.what();
  return std::string(why.substr(why.find(": ") + 2));
}

struct RedirectTarget : Text {
  static constexpr std::string_view kPlaceholder = "URL";
  static Parsed<std::string> parse(std::string_view text) {
    try {
      redirect_to(std::string(text));
    } catch (const std::invalid_argument& error) {
      return refused(reason_of(error));
    }
    return std::string(text);
  }
};

struct StatusCode {
  static constexpr std::string_view kPlaceholder = "STATUS";
  static constexpr ValueType kType = ValueType::number;
  static Parsed<int> parse(std::string_view text) {
    const auto code = ascii::parse_decimal(text);
    if (!code || *code < 200 || *code > 599) {
      return refused(in_quotes(text) + " is not a status from 200 to 599");
    }
    try {
      respond_with(Status(static_cast<int>(*code)));
    } catch (const std::invalid_argument& error) {
      return refused(reason_of(error));
    }
    return static_cast<int>(*code);
  }
  static std::string show(int code) { return code == 0 ? "" : std::to_string(code); }
};

template <class Kind, auto kMember>
constexpr Setting row(std::string_view name, std::string_view help) {
  return setting<Kind, &Configuration::table, kMember>(
      SettingGroup::route, name, {Scope::route_only, When::next_request}, help);
}

using Table = TableSettings;

constexpr std::array kRouteSettings = {
    row<HostPattern, &Table::hosts>("host", "of these hosts: NAME, or *.NAME for all below it"),
    row<Path, &Table::path>("path", "/api/* is /api and all below it, /api is this path only"),
    row<MethodName, &Table::method>("method", "with this method"),
    row<HeaderTest, &Table::header>("header", "with this field: NAME, or 'NAME: VALUE'"),
    row<UpstreamName, &Table::upstream>("upstream", "requests go to the [upstream.NAME]"),
    row<Prefix, &Table::strip_prefix>("strip-prefix", "removed from the beginning of the path"),
    row<Prefix, &Table::add_prefix>("add-prefix", "then added at the beginning of the path"),
    row<Switch, &Table::map_back>("map-back", "undo both in redirects and in the paths of cookies"),
    row<RedirectTarget, &Table::redirect>(
        "redirect", "redirect there; /* at its end is path and query, ?* the query"),
    row<StatusCode, &Table::status>("status", "respond with it; with redirect, instead of 307"),
};

}  // namespace

bool TableSettings::has(std::string_view setting) const {
  return std::ranges::find(own, setting) != own.end();
}

std::span<const Setting> route_settings() {
  return kRouteSettings;
}

bool may_have(TableKind kind, const Setting& setting) {
  switch (kind) {
    case TableKind::top:
      return setting.scope != Scope::route_only;
    case TableKind::upstream:
      return setting.scope == Scope::upstream;
    case TableKind::route:
      break;
  }
  return setting.scope == Scope::upstream || setting.scope == Scope::route ||
         setting.scope == Scope::route_only;
}

std::vector<const Setting*> settings_of(TableKind kind) {
  std::vector<const Setting*> all;
  for (const auto& table : {route_settings(), settings()}) {
    for (const Setting& setting : table) {
      if (may_have(kind, setting)) all.push_back(&setting);
    }
  }
  return all;
}

std::string_view words_for(TableKind kind) {
  switch (kind) {
    case TableKind::top:
      return "the top of the file";
    case TableKind::upstream:
      return "an [upstream.NAME]";
    case TableKind::route:
      break;
  }
  return "a [[route]]";
}

}  // namespace onehop::config
