// SPDX-License-Identifier: Apache-2.0
#include "net/srv_records.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include <ares.h>

namespace onehop::net {
namespace {

constexpr std::size_t kMaxRecords = 1000;
constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kSrv = 33;
constexpr std::uint16_t kInternet = 1;

// Reads a message from its beginning. After a failure, every further read fails.
class Reader {
 public:
  explicit Reader(std::span<const unsigned char> message) noexcept : message_(message) {}

  bool failed() const noexcept { return failed_; }
  std::uint32_t number(std::size_t size) noexcept {
    if (!has(size)) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value = (value << 8U) | message_[at_++];
    return value;
  }
  void skip(std::size_t size) noexcept {
    if (has(size)) at_ += size;
  }
  std::size_t at() const noexcept { return at_; }
  // Reads a name, which may continue elsewhere in the message.
  std::string name() {
    if (!has(1)) return {};
    char* text = nullptr;
    long size = 0;
    const int status = ares_expand_name(message_.data() + at_, message_.data(),
                                        static_cast<int>(message_.size()), &text, &size);
    const std::unique_ptr<char, decltype(&ares_free_string)> owned(text, &ares_free_string);
    if (status != ARES_SUCCESS) {
      failed_ = true;
      return {};
    }
    skip(static_cast<std::size_t>(size));
    return text;
  }

 private:
  bool has(std::size_t size) noexcept {
    failed_ = failed_ || message_.size() - at_ < size;
    return !failed_;
  }

  std::span<const unsigned char> message_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<SrvRecords> read_srv_records(std::span<const unsigned char> message) {
  if (message.size() < kHeader) return std::nullopt;
  Reader reader(message);
  reader.skip(4);
  const std::uint32_t questions = reader.number(2);
  const std::uint32_t answers = reader.number(2);
  reader.skip(4);
  for (std::uint32_t i = 0; i < questions && !reader.failed(); ++i) {
    reader.name();
    reader.skip(4);
  }
  SrvRecords found;
  std::uint32_t ttl = ~std::uint32_t{0};
  for (std::uint32_t i = 0; i < answers && found.records.size() < kMaxRecords; ++i) {
    reader.name();
    const std::uint32_t type = reader.number(2);
    const std::uint32_t its_class = reader.number(2);
    const std::uint32_t its_ttl = reader.number(4);
    const std::uint32_t size = reader.number(2);
    const std::size_t end = reader.at() + size;
    if (reader.failed() || end > message.size()) return std::nullopt;
    if (type != kSrv || its_class != kInternet) {  // such as the CNAME of the service
      reader.skip(size);
      continue;
    }
    SrvRecord record;
    record.priority = static_cast<std::uint16_t>(reader.number(2));
    record.weight = static_cast<std::uint16_t>(reader.number(2));
    record.port = static_cast<std::uint16_t>(reader.number(2));
    record.host = reader.name();
    if (reader.failed() || reader.at() != end) return std::nullopt;
    ttl = std::min(ttl, its_ttl);
    if (!record.host.empty() && record.port != 0) found.records.push_back(std::move(record));
  }
  if (reader.failed()) return std::nullopt;
  if (ttl != ~std::uint32_t{0}) found.ttl = std::chrono::seconds(ttl);
  return found;
}

}  // namespace onehop::net
