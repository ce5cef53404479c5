// SPDX-License-Identifier: Apache-2.0
//
// Status is a response status code (RFC 9110 §15) from 100 to 999. It is a value.
// Thread: any.
#pragma once

#include <onehop/detail/compiler.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace onehop {

class Status {
 public:
  constexpr Status() noexcept = default;  // 200
  // Converts from int: Response(404, "text"), response.status() == 404. Throws
  // std::invalid_argument if the code is not from 100 to 999, since no status line can carry it.
  template <std::same_as<int> Code>
  constexpr Status(Code code) : code_(checked(code)) {}  // NOLINT(google-explicit-constructor)
  // For a code from outside the program. Returns std::nullopt if it is not from 100 to 999.
  static constexpr std::optional<Status> try_from(int code) noexcept {
    if (!is_valid(code)) return std::nullopt;
    Status status;
    status.code_ = static_cast<std::uint16_t>(code);
    return status;
  }

  // The registered codes (IANA, HTTP Status Code Registry).
  static const Status continue_, switching_protocols, processing, early_hints, ok, created,
      accepted, non_authoritative_information, no_content, reset_content, partial_content,
      multi_status, already_reported, im_used, multiple_choices, moved_permanently, found,
      see_other, not_modified, use_proxy, temporary_redirect, permanent_redirect, bad_request,
      unauthorized, payment_required, forbidden, not_found, method_not_allowed, not_acceptable,
      proxy_authentication_required, request_timeout, conflict, gone, length_required,
      precondition_failed, content_too_large, uri_too_long, unsupported_media_type,
      range_not_satisfiable, expectation_failed, im_a_teapot, misdirected_request,
      unprocessable_content, locked, failed_dependency, too_early, upgrade_required,
      precondition_required, too_many_requests, request_header_fields_too_large,
      unavailable_for_legal_reasons, internal_server_error, not_implemented, bad_gateway,
      service_unavailable, gateway_timeout, http_version_not_supported, variant_also_negotiates,
      insufficient_storage, loop_detected, not_extended, network_authentication_required;

  // The number, such as 404.
  constexpr int code() const noexcept { return code_; }
  // Reports whether the status is 1xx, which is never the final response.
  constexpr bool is_informational() const noexcept { return code_ < 200; }
  // Reports whether the status is 1xx, 204 or 304, which never have content (RFC 9110 §6.4.1).
  constexpr bool forbids_body() const noexcept {
    return code_ < 200 || code_ == 204 || code_ == 304;
  }
  // Returns the registered phrase; "" if the code has none.
  std::string_view reason() const noexcept;

  friend constexpr bool operator==(Status, Status) noexcept = default;

 private:
  static constexpr bool is_valid(int code) noexcept { return code >= 100 && code <= 999; }
  static constexpr std::uint16_t checked(int code) {
    if (!is_valid(code)) refuse(code);
    return static_cast<std::uint16_t>(code);
  }
  [[noreturn]] static void refuse(int code);

  std::uint16_t code_ = 200;
};

inline constexpr Status Status::continue_{100};
inline constexpr Status Status::switching_protocols{101};
inline constexpr Status Status::processing{102};
inline constexpr Status Status::early_hints{103};
inline constexpr Status Status::ok{200};
inline constexpr Status Status::created{201};
inline constexpr Status Status::accepted{202};
inline constexpr Status Status::non_authoritative_information{203};
inline constexpr Status Status::no_content{204};
inline constexpr Status Status::reset_content{205};
inline constexpr Status Status::partial_content{206};
inline constexpr Status Status::multi_status{207};
inline constexpr Status Status::already_reported{208};
inline constexpr Status Status::im_used{226};
inline constexpr Status Status::multiple_choices{300};
inline constexpr Status Status::moved_permanently{301};
inline constexpr Status Status::found{302};
inline constexpr Status Status::see_other{303};
inline constexpr Status Status::not_modified{304};
inline constexpr Status Status::use_proxy{305};
inline constexpr Status Status::temporary_redirect{307};
inline constexpr Status Status::permanent_redirect{308};
inline constexpr Status Status::bad_request{400};
inline constexpr Status Status::unauthorized{401};
inline constexpr Status Status::payment_required{402};
inline constexpr Status Status::forbidden{403};
inline constexpr Status Status::not_found{404};
inline constexpr Status Status::method_not_allowed{405};
inline constexpr Status Status::not_acceptable{406};
inline constexpr Status Status::proxy_authentication_required{407};
inline constexpr Status Status::request_timeout{408};
inline constexpr Status Status::conflict{409};
inline constexpr Status Status::gone{410};
inline constexpr Status Status::length_required{411};
inline constexpr Status Status::precondition_failed{412};
inline constexpr Status Status::content_too_large{413};
inline constexpr Status Status::uri_too_long{414};
inline constexpr Status Status::unsupported_media_type{415};
inline constexpr Status Status::range_not_satisfiable{416};
inline constexpr Status Status::expectation_failed{417};
inline constexpr Status Status::im_a_teapot{418};
inline constexpr Status Status::misdirected_request{421};
inline constexpr Status Status::unprocessable_content{422};
inline constexpr Status Status::locked{423};
inline constexpr Status Status::failed_dependency{424};
inline constexpr Status Status::too_early{425};
inline constexpr Status Status::upgrade_required{426};
inline constexpr Status Status::precondition_required{428};
inline constexpr Status Status::too_many_requests{429};
inline constexpr Status Status::request_header_fields_too_large{431};
inline constexpr Status Status::unavailable_for_legal_reasons{451};
inline constexpr Status Status::internal_server_error{500};
inline constexpr Status Status::not_implemented{501};
inline constexpr Status Status::bad_gateway{502};
inline constexpr Status Status::service_unavailable{503};
inline constexpr Status Status::gateway_timeout{504};
inline constexpr Status Status::http_version_not_supported{505};
inline constexpr Status Status::variant_also_negotiates{506};
inline constexpr Status Status::insufficient_storage{507};
inline constexpr Status Status::loop_detected{508};
inline constexpr Status Status::not_extended{510};
inline constexpr Status Status::network_authentication_required{511};

}  // namespace onehop
