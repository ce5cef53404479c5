// SPDX-License-Identifier: Apache-2.0

#include <onehop/error.hpp>

#include <new>

namespace onehop {
namespace {

const char* text_of(Errc code) noexcept {
  switch (code) {
    case Errc::cancelled:
      return "cancelled";
    case Errc::timed_out:
      return "timed out";
    case Errc::closed:
      return "connection closed by the peer";
    case Errc::limit_exceeded:
      return "limit exceeded";
    case Errc::bad_request:
      return "malformed request";
    case Errc::request_line_too_long:
      return "request line too long";
    case Errc::head_too_large:
      return "request header fields too large";
    case Errc::body_too_large:
      return "request body too large";
    case Errc::unsupported_transfer:
      return "unsupported transfer coding";
    case Errc::unsupported_method:
      return "unsupported method";
    case Errc::unsupported_version:
      return "unsupported HTTP version";
    case Errc::expectation_failed:
      return "unknown expectation";
    case Errc::client_gone:
      return "client closed the connection early";
    case Errc::too_many_requests:
      return "too many concurrent requests of this client";
    case Errc::bad_response:
      return "malformed response";
    case Errc::response_head_too_large:
      return "response header fields too large";
    case Errc::truncated:
      return "message ended early";
    case Errc::unexpected_upgrade:
      return "unexpected protocol switch";
    case Errc::name_not_resolved:
      return "name not resolved";
    case Errc::connect_failed:
      return "connection failed";
    case Errc::no_endpoint:
      return "no endpoint";
    case Errc::no_connection_slot:
      return "no connection free in time";
    case Errc::tls_failed:
      return "TLS failed";
    case Errc::http1_needed:
      return "NTLM and Negotiate need HTTP/1.1";
    case Errc::bad_url:
      return "invalid URL";
    case Errc::bad_field:
      return "invalid header field";
    case Errc::bad_option:
      return "invalid option";
    case Errc::handler_failed:
      return "handler failed";
    case Errc::loop_detected:
      return "the request loops back to this proxy";
    case Errc::overloaded:
      return "memory limit reached";
  }
  return "unknown error";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "onehop"; }
  std::string message(int value) const override { return text_of(static_cast<Errc>(value)); }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

std::string_view to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::none:
      return "";
    case Phase::head:
      return "head";
    case Phase::queue:
      return "queue";
    case Phase::resolve:
      return "resolve";
    case Phase::connect:
      return "connect";
    case Phase::tls:
      return "tls";
    case Phase::send:
      return "send";
    case Phase::wait:
      return "wait";
    case Phase::receive:
      return "receive";
    case Phase::deliver:
      return "deliver";
    case Phase::tunnel:
      return "tunnel";
  }
  return "";
}

bool Error::is_timeout() const noexcept {
  return is(Errc::timed_out) || code_ == std::errc::timed_out;
}

std::string Error::to_string() const {
  std::string text;
  if (phase_ != Phase::none) text.append(onehop::to_string(phase_)).append(": ");
  text += code_.message();
  if (!detail_.empty()) text.append(" (").append(detail_).append(")");
  return text;
}

Error::Error(Errc code, Side side, const char* detail) noexcept : Error(code, side) {
  try {
    detail_ = detail;
  } catch (const std::bad_alloc&) {  // the error code is enough
  }
}

Error& Error::with(std::string_view context) {
  if (!detail_.empty()) detail_ += "; ";
  detail_ += context;
  return *this;
}

}  // namespace onehop
