// SPDX-License-Identifier: Apache-2.0

#include "http/error_status.hpp"

#include "base/json_text.hpp"
#include "base/shortage.hpp"
#include "http/error_page.hpp"
#include "http/field_names.hpp"
#include "http/media_type.hpp"

#include <string>

namespace onehop {
namespace {

// Returns the status of an error, or 0 if it depends on the error's side.
int status_of(Errc code) noexcept {
  switch (code) {
    case Errc::bad_request:
      return 400;
    case Errc::request_line_too_long:
      return 414;
    case Errc::head_too_large:
      return 431;
    case Errc::body_too_large:
      return 413;
    case Errc::unsupported_transfer:
      return 501;
    case Errc::unsupported_method:
      return 501;
    case Errc::unsupported_version:
      return 505;
    case Errc::expectation_failed:
      return 417;
    case Errc::client_gone:
      return kClientClosedRequest.code();
    case Errc::bad_response:
      return 502;
    case Errc::response_head_too_large:
      return 502;
    case Errc::unexpected_upgrade:
      return 502;
    case Errc::name_not_resolved:
      return 502;
    case Errc::connect_failed:
      return 502;
    case Errc::tls_failed:
      return 502;
    case Errc::http1_needed:
      return 502;
    case Errc::too_many_requests:
      return 429;
    case Errc::no_endpoint:
      return 503;
    case Errc::no_connection_slot:
      return 503;
    case Errc::overloaded:
      return 503;
    case Errc::loop_detected:
      return 508;
    case Errc::cancelled:
      return 503;
    case Errc::handler_failed:
      return 500;
    case Errc::bad_option:
      return 500;
    case Errc::timed_out:
    case Errc::closed:
    case Errc::limit_exceeded:
    case Errc::truncated:
    case Errc::bad_url:
    case Errc::bad_field:
      break;
  }
  return 0;
}

int client_status(const Error& error) noexcept {
  if (error.is_timeout()) return 408;
  if (error.is(Errc::limit_exceeded)) return 413;
  if (error.is(Errc::truncated) || error.is(Errc::bad_url) || error.is(Errc::bad_field)) return 400;
  return kClientClosedRequest.code();  // closed, or a system call on the connection failed
}

int local_status(const Error& error) noexcept {
  if (error.is_timeout()) return 504;
  // A hook made a request that cannot be sent, so there is no upstream response.
  if (error.is(Errc::bad_url) || error.is(Errc::bad_field)) return 502;
  if (is_shortage(error.code())) return 503;
  return 500;
}

std::string json_object(Status status, std::string_view reason, std::string_view request_id) {
  std::string object = "{\"status\":" + std::to_string(status.code()) + ",\"error\":";
  append_json_string(object, reason);
  if (!request_id.empty()) {
    object += ",\"request_id\":";
    append_json_string(object, request_id);
  }
  return object.append("}\n");
}

std::string plain_text(const std::string& title, std::string_view request_id) {
  if (request_id.empty()) return title + '\n';
  return title + "\nRequest ID: " + std::string(request_id) + '\n';
}

}  // namespace

Status status_for(const Error& error) noexcept {
  if (error.code().category() == error_category()) {
    const int code = status_of(static_cast<Errc>(error.code().value()));
    if (code != 0) return Status(code);
  }
  switch (error.side()) {
    case Side::client:
      return Status(client_status(error));
    case Side::upstream:
      return error.is_timeout() ? Status::gateway_timeout : Status::bad_gateway;
    case Side::local:
      break;
  }
  return Status(local_status(error));
}

Response response_for(Status status, std::string_view accept, std::string_view request_id) {
  const std::string_view known = status.reason();
  const std::string_view reason = known.empty() ? std::string_view("Error") : known;
  const std::string title = std::to_string(status.code()) + ' ' + std::string(reason);
  std::string text;
  std::string_view type;
  switch (preferred_error_format(accept)) {
    case ErrorFormat::text:
      text = plain_text(title, request_id);
      type = "text/plain; charset=utf-8";
      break;
    case ErrorFormat::html:
      text = error_page(status, reason, request_id);
      type = "text/html; charset=utf-8";
      break;
    case ErrorFormat::json:
      text = json_object(status, reason, request_id);
      type = "application/json";
      break;
  }
  Response response(status, std::move(text));
  response.headers().set(field::content_type, type);
  const bool passes = status == Status::service_unavailable || status.code() == 429;
  if (passes) response.headers().set(field::retry_after, "1");
  return response;
}

}  // namespace onehop
