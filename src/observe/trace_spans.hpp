// SPDX-License-Identifier: Apache-2.0
//
// The spans of an exchange in the JSON form of OTLP (opentelemetry-proto 1.x, JSON mapping): a
// SERVER span, and a CLIENT span for each attempt, with the names and attributes of the semantic
// conventions for HTTP.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/trace.hpp>

#include "observe/two_clocks.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::observe {

// Appends the spans as objects with commas between them. The exchange has a trace. Returns how many
// there are.
std::size_t append_spans(std::string& json, const ExchangeRecord& exchange, const TwoClocks& now);

// How many spans that are.
std::size_t count_spans(const ExchangeRecord& exchange) noexcept;

// Reports whether the exchange failed for another reason than its client.
bool is_failure(const ExchangeRecord& exchange) noexcept;

// The object that a collector expects; `spans` as append_spans() writes them.
std::string export_request(std::string_view resource, std::string_view spans);
// The attributes of this process: service.name, service.version, and service.instance.id.
std::string resource_attributes(std::string_view instance);

}  // namespace onehop::observe
