// SPDX-License-Identifier: Apache-2.0

#include "http/h2/error_code.hpp"

#include <array>
#include <string>
#include <system_error>

namespace onehop::h2 {
namespace {

constexpr std::array<const char*, 14> kErrorNames = {"NO_ERROR",
                                                     "PROTOCOL_ERROR",
                                                     "INTERNAL_ERROR",
                                                     "FLOW_CONTROL_ERROR",
                                                     "SETTINGS_TIMEOUT",
                                                     "STREAM_CLOSED",
                                                     "FRAME_SIZE_ERROR",
                                                     "REFUSED_STREAM",
                                                     "CANCEL",
                                                     "COMPRESSION_ERROR",
                                                     "CONNECT_ERROR",
                                                     "ENHANCE_YOUR_CALM",
                                                     "INADEQUATE_SECURITY",
                                                     "HTTP_1_1_REQUIRED"};

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "h2"; }
  // NO_ERROR is an error too if it ended a stream early. The offset keeps its value from being 0.
  std::string message(int value) const override {
    return std::string("stream reset with ") + name_of(ErrorCode(value - kOffset));
  }
  static constexpr int kOffset = 1;
};

const Category& category() noexcept {
  static const Category instance;
  return instance;
}

}  // namespace

const char* name_of(ErrorCode code) noexcept {
  const auto index = static_cast<std::uint32_t>(code);
  return index < kErrorNames.size() ? kErrorNames[index] : "an unknown code";
}

Error stream_reset(ErrorCode code, Side side) {
  const auto value = static_cast<std::uint32_t>(code);
  const int shown = value > 0xffff ? 0xffff : static_cast<int>(value);
  return Error(std::error_code(shown + Category::kOffset, category()), side);
}

std::optional<ErrorCode> code_of(const Error& error) noexcept {
  if (error.code().category() != category()) return std::nullopt;
  return ErrorCode(error.code().value() - Category::kOffset);
}

}  // namespace onehop::h2
