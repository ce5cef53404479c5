// SPDX-License-Identifier: Apache-2.0
#include "observe/failure_reason.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace onehop::observe {
namespace {

struct OfCode {
  Errc code;
  std::string_view name;
};
struct OfErrno {
  int number;
  std::string_view name;
};

constexpr std::array kCodes = {
    OfCode{Errc::cancelled, "cancelled"},
    OfCode{Errc::timed_out, "timed_out"},
    OfCode{Errc::closed, "closed"},
    OfCode{Errc::limit_exceeded, "limit_exceeded"},
    OfCode{Errc::bad_request, "bad_request"},
    OfCode{Errc::request_line_too_long, "request_line_too_long"},
    OfCode{Errc::head_too_large, "head_too_large"},
    OfCode{Errc::body_too_large, "body_too_large"},
    OfCode{Errc::unsupported_transfer, "unsupported_transfer"},
    OfCode{Errc::unsupported_method, "unsupported_method"},
    OfCode{Errc::unsupported_version, "unsupported_version"},
    OfCode{Errc::expectation_failed, "expectation_failed"},
    OfCode{Errc::client_gone, "client_gone"},
    OfCode{Errc::too_many_requests, "too_many_requests"},
    OfCode{Errc::bad_response, "bad_response"},
    OfCode{Errc::response_head_too_large, "response_head_too_large"},
    OfCode{Errc::truncated, "truncated"},
    OfCode{Errc::unexpected_upgrade, "unexpected_upgrade"},
    OfCode{Errc::name_not_resolved, "name_not_resolved"},
    OfCode{Errc::connect_failed, "connect_failed"},
    OfCode{Errc::no_endpoint, "no_endpoint"},
    OfCode{Errc::no_connection_slot, "no_connection_slot"},
    OfCode{Errc::tls_failed, "tls_failed"},
    OfCode{Errc::http1_needed, "http1_needed"},
    OfCode{Errc::bad_url, "bad_url"},
    OfCode{Errc::bad_field, "bad_field"},
    OfCode{Errc::bad_option, "bad_option"},
    OfCode{Errc::handler_failed, "handler_failed"},
    OfCode{Errc::loop_detected, "loop_detected"},
    OfCode{Errc::overloaded, "overloaded"},
};

constexpr std::array kNumbers = {
    OfErrno{ECONNREFUSED, "connection_refused"},
    OfErrno{ECONNRESET, "connection_reset"},
    OfErrno{ECONNABORTED, "connection_aborted"},
    OfErrno{EPIPE, "broken_pipe"},
    OfErrno{EHOSTUNREACH, "host_unreachable"},
    OfErrno{ENETUNREACH, "network_unreachable"},
    OfErrno{EADDRNOTAVAIL, "no_local_port"},
    OfErrno{ENOENT, "no_such_file"},
    OfErrno{EACCES, "permission_denied"},
    OfErrno{EMFILE, "too_many_open_files"},
    OfErrno{ENFILE, "too_many_open_files_of_the_system"},
    OfErrno{ENOMEM, "out_of_memory"},
};

constexpr std::size_t kOtherReason = kCodes.size() + kNumbers.size();
static_assert(kOtherReason + 1 == kFailureReasons);

}  // namespace

Error failure_of(const ExchangeRecord& exchange) {
  if (exchange.failure) return *exchange.failure;
  if (exchange.outcome == Outcome::client_gone) {
    return Error(Errc::client_gone, Side::client).during(Phase::deliver);
  }
  return Error(Errc::closed, Side::local).during(Phase::deliver);
}

std::size_t failure_reason(const Error& error) noexcept {
  const bool is_ours = error.code().category() == error_category();
  const auto code = error.is_timeout() ? Errc::timed_out : static_cast<Errc>(error.code().value());
  if (is_ours || error.is_timeout()) {
    const auto found = std::ranges::find(kCodes, code, &OfCode::code);
    return found == kCodes.end() ? kOtherReason : static_cast<std::size_t>(found - kCodes.begin());
  }
  const auto found = std::ranges::find(kNumbers, error.code().value(), &OfErrno::number);
  if (found == kNumbers.end()) return kOtherReason;
  return kCodes.size() + static_cast<std::size_t>(found - kNumbers.begin());
}

std::string_view name_of_failure_reason(std::size_t index) noexcept {
  if (index < kCodes.size()) return kCodes[index].name;
  if (index < kOtherReason) return kNumbers[index - kCodes.size()].name;
  return "other";
}

}  // namespace onehop::observe
