// SPDX-License-Identifier: Apache-2.0
//
// Setting is one row of the table of settings (config/settings.hpp).
// Thread: any; constant.
#pragma once

#include "config/configuration.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// In the order of the help.
enum class SettingGroup : std::uint8_t { everyday, operation, client_side, backend_side, route };

// The tables of a configuration file that may hold a setting. A setting may also be at the top of
// the file, unless it is of `arguments`, which are only flags and environment variables, or of
// `route_only`, which are only in [[route]].
enum class Scope : std::uint8_t { arguments, process, listener, route, upstream, route_only };

// When a reload puts a changed value into effect.
enum class When : std::uint8_t {
  next_request,
  next_timer,       // when the next deadline is set
  next_connection,  // a connection keeps the value that it began with
  at_once,
  pool_swap,     // new connections to the backend; old ones finish their requests
  new_listener,  // a listener whose address or kind has changed is opened again
  upgrade,       // `onehop upgrade` applies it, a reload does not
  restart,       // nor does an upgrade: the new process has what the old one began with
};

// The type of a value in a file, which also decides the form of the flag.
enum class ValueType : std::uint8_t { text, number, boolean };

// The content of a value, for code that hides secrets, reads the files, or describes the values.
enum class Content : std::uint8_t {
  word,    // anything else
  choice,  // one of the words of the placeholder
  time,
  size,
  share,
  url,
  file,
  certificate,  // a file, or "self"
  field,        // a field of a message, with its value
};

// The version that introduced the oldest settings.
inline constexpr std::string_view kFirstVersion = "0.1";

// The attributes of a setting other than its name, help and field.
struct Traits {
  Scope scope = Scope::process;
  When when = When::next_request;
  std::string_view since = kFirstVersion;
  char letter = 0;  // 'l' for -l
};

// The reason why a value is wrong; std::nullopt if it is not.
using Problem = std::optional<std::string>;

struct Setting {
  SettingGroup group;
  std::string_view name;         // "listen": --listen and ONEHOP_LISTEN
  std::string_view placeholder;  // "ADDR"; empty for a switch
  std::string_view help;
  // Parses and stores all values that were given: one, unless the setting may be repeated.
  Problem (*set)(Configuration&, const std::vector<std::string>& values);
  // Returns the value for the help; "" if the help shows none.
  std::string (*show)(const Configuration&);
  // Returns the values as they would be typed, in the form that set() accepts; none if the setting
  // is unset.
  std::vector<std::string> (*values)(const Configuration&);
  ValueType type = ValueType::text;
  Content content = Content::word;
  Scope scope = Scope::process;
  When when = When::next_request;
  std::string_view since = kFirstVersion;
  char letter = 0;            // 'l' for -l
  char list_separator = 0;    // separates the values in a variable; 0: not repeatable
  bool splits_flags = false;  // the separator also splits the value of a flag

  bool is_switch() const { return placeholder.empty(); }
  bool may_repeat() const { return list_separator != 0; }
  bool names_a_file() const { return content == Content::file || content == Content::certificate; }
};

}  // namespace onehop::config
