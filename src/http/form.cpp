// SPDX-License-Identifier: Apache-2.0

#include <onehop/form.hpp>

#include "base/ascii.hpp"
#include "http/field_names.hpp"

#include <string>

namespace onehop {
namespace {

bool is_form(std::string_view content_type) noexcept {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return ascii::equals_ignoring_case(ascii::trim_blanks(type), "application/x-www-form-urlencoded");
}

}  // namespace

task<Result<Parameters>> read_form(Request& request, std::size_t limit) {
  if (!is_form(request.headers().get_or_empty(field::content_type))) {
    co_return failure(Errc::bad_request, Side::client, "the content is not a form");
  }
  const Result<std::string> text = co_await request.body().read_all(limit);
  if (text) co_return Parameters::parse(*text);
  if (text.error().is(Errc::limit_exceeded)) {
    co_return failure(Errc::body_too_large, Side::client, "the form is too long");
  }
  co_return failure(text.error());
}

}  // namespace onehop
