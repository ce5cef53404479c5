// SPDX-License-Identifier: Apache-2.0
//
// The fields that a line of the access log may have. The table is the source of the names that
// --access-log-fields accepts and of the table in docs/access_log.md.
// Thread: any; constant.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/exchange_values.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

struct LogField {
  // Whether the default line contains the field.
  enum class Presence : std::uint8_t { never, if_set, always };
  using Append = void (*)(std::string& line, const ExchangeRecord& exchange, WallTime now);

  std::string_view name;
  std::string_view type;     // of the JSON value: "string", "number", "boolean", "object"
  std::string_view meaning;  // for the documentation, in Markdown
  Presence in_text = Presence::never;
  Presence in_json = Presence::never;
  Append append_text = nullptr;  // appends the value, in quotes if needed; "-" for none
  Append append_json = nullptr;  // appends null for none
};

std::span<const LogField> log_fields();
// Returns null if there is no field of that name.
const LogField* find_log_field(std::string_view name);

using LogFields = std::vector<const LogField*>;

// Appends a line such as: time=2026-11-23T10:00:00.007Z client=10.0.0.7 ...
void append_text_fields(std::string& line,
                        const LogFields& fields,
                        const ExchangeRecord& exchange,
                        WallTime now);
// Appends an object such as: {"time":"2026-11-23T10:00:00.007Z","client":"10.0.0.7",...}
void append_json_fields(std::string& line,
                        const LogFields& fields,
                        const ExchangeRecord& exchange,
                        WallTime now);

}  // namespace onehop::observe
