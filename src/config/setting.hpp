// SPDX-License-Identifier: Apache-2.0
//
// Setting: one row of the table of settings (config/settings.hpp).
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

// The tables of a configuration file that may hold a setting. Each of them may be at the top of the
// file, except those of `arguments`, which are flags and environment variables only, and those of
// `route_only`, which are in [[route]] only.
enum class Scope : std::uint8_t { arguments, process, listener, route, upstream, route_only };

// When a reload puts a changed value into effect.
enum class When : std::uint8_t {
  next_request,
  next_timer,       // when the next deadline is set
  next_connection,  // a connection keeps the value that it began with
  at_once,
  pool_swap,     // new connections to the backend; old ones finish their requests
  new_listener,  // the listener is opened again, if its address or its kind has changed
  upgrade,       // when `onehop upgrade` has replaced the process, not by a reload
  restart,       // not by an upgrade either: the new process begins with the old value
};

// How a file spells a value, and how the command line does: a switch is a flag without a value.
enum class ValueType : std::uint8_t { text, number, boolean };

// The nature of a value, for those who hide secrets, read the files, and describe the values.
enum class Content : std::uint8_t {
  word,    // anything else
  choice,  // one of the words of the placeholder
  time,
  size,
  share,
  url,
  file,
  certificate,  // a file, or "self"
  field,        // of a message, with its value
};

// The first version that has the settings of version 0.1.
inline constexpr std::string_view kFirstVersion = "0.1";

// The attributes of a setting other than its name, help and field.
struct Traits {
  Scope scope = Scope::process;
  When when = When::next_request;
  std::string_view since = kFirstVersion;
  char letter = 0;  // 'l' for -l
};

// The error of a value, if there is one.
using Problem = std::optional<std::string>;

struct Setting {
  SettingGroup group;
  std::string_view name;         // "listen": --listen and ONEHOP_LISTEN
  std::string_view placeholder;  // "ADDR"; empty for a switch
  std::string_view help;
  // Receives every value given: one, unless the setting may be repeated.
  Problem (*set)(Configuration&, const std::vector<std::string>& values);
  // Returns the value for the help; "" if there is none to show.
  std::string (*show)(const Configuration&);
  // Returns the values as they would be typed, which set() accepts; none if the setting is unset.
  std::vector<std::string> (*values)(const Configuration&);
  ValueType type = ValueType::text;
  Content content = Content::word;
  Scope scope = Scope::process;
  When when = When::next_request;
  std::string_view since = kFirstVersion;
  char letter = 0;            // 'l' for -l
  char list_separator = 0;    // may be repeated; this separates the values in the environment
  bool splits_flags = false;  // and in a flag as well

  bool is_switch() const { return placeholder.empty(); }
  bool may_repeat() const { return list_separator != 0; }
  bool names_a_file() const { return content == Content::file || content == Content::certificate; }
};

}  // namespace onehop::config
