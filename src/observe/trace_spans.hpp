// SPDX-License-Identifier: Apache-2.0
//
// Writes the spans of an exchange in the JSON form of OTLP (opentelemetry-proto 1.x, JSON mapping):
// a SERVER span, and a CLIENT span for each attempt. Names and attributes are those of the semantic
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

// Appends the spans as objects with commas between them. The exchange must have a trace. Returns
// the number of spans.
std::size_t append_spans(std::string& json, const ExchangeRecord& exchange, const TwoClocks& now);

// Returns the number of spans that append_spans() appends.
std::size_t count_spans(const ExchangeRecord& exchange) noexcept;

// Reports whether the exchange failed for another reason than its client.
bool is_failure(const ExchangeRecord& exchange) noexcept;

// Returns the object that a collector expects. `spans` has the form that append_spans() writes.
std::string export_request(std::string_view resource, std::string_view spans);
// Returns the attributes of this process: service.name, service.version and service.instance.id.
std::string resource_attributes(std::string_view instance);

}  // namespace onehop::observe
