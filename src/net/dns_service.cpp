// SPDX-License-Identifier: Apache-2.0
//
// DnsChannel's queries for services.
#include "net/dns_channel.hpp"

#include <new>
#include <span>
#include <utility>

#include <ares.h>

namespace onehop::net {

struct DnsChannel::ServiceQuestion {
  static void on_answer(void* context, int status, int, unsigned char* message, int size) noexcept {
    const std::unique_ptr<ServiceQuestion> question(static_cast<ServiceQuestion*>(context));
    if (question->channel.closing_) return;
    ServiceAnswer answer;
    try {
      const bool has_message = status == ARES_SUCCESS;
      answer = read(status, {message, has_message ? static_cast<std::size_t>(size) : 0});
      question->callback(std::move(answer));
    } catch (const std::bad_alloc&) {
      answer = {};
      answer.failure = "out of memory";
      question->callback(std::move(answer));
    }
    --question->channel.active_;  // only now: the callback must not reopen the channel
  }
  static ServiceAnswer read(int status, std::span<const unsigned char> message) {
    ServiceAnswer answer;
    auto records = status == ARES_SUCCESS ? read_srv_records(message) : std::nullopt;
    if (status == ARES_SUCCESS && !records) status = ARES_EBADRESP;
    if (records && records->records.empty()) status = ARES_ENODATA;
    if (status != ARES_SUCCESS) {
      answer.failure = ares_strerror(status);
      answer.is_absent = status == ARES_ENOTFOUND;
      return answer;
    }
    answer.records = std::move(records->records);
    answer.ttl = records->ttl;
    return answer;
  }

  DnsChannel& channel;
  ServiceCallback callback;
};

void DnsChannel::query_service(const std::string& name, ServiceCallback callback) {
  constexpr int kInternet = 1;
  constexpr int kSrv = 33;
  reopen_when_configuration_changed();
  if (!channel_) {
    ServiceAnswer answer;
    answer.failure = open_failure_;
    return callback(std::move(answer));
  }
  auto question = std::unique_ptr<ServiceQuestion>(
      new ServiceQuestion{.channel = *this, .callback = std::move(callback)});
  ++active_;
  ares_query(channel_, name.c_str(), kInternet, kSrv, &ServiceQuestion::on_answer,
             question.release());
  arm_timer();
}

}  // namespace onehop::net
