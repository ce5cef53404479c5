// SPDX-License-Identifier: Apache-2.0
#include "transport/redial.hpp"

#include <cerrno>

namespace onehop::transport {
namespace {

// What is_refusal() is without TLS where the upstream takes the connection before it is ready.
bool is_reset_in_handshake(const Error& error) {
  return !error.is_timeout() && error.phase() == Phase::tls && error.side() == Side::upstream &&
         error.code().category() == std::system_category();
}

}  // namespace

bool is_short_of_descriptors(const Error& error) {
  if (error.code().category() != std::system_category()) return false;
  return error.code().value() == EMFILE || error.code().value() == ENFILE;
}

bool is_refusal(const Error& error) {
  return !error.is_timeout() && error.phase() == Phase::connect &&
         error.code().category() == std::system_category() && !is_short_of_descriptors(error);
}

io::Time waits_until(const Error& error, const Transport::Options& options, io::Time began) {
  if (is_short_of_descriptors(error)) return io::deadline_after(began, options.queue_timeout);
  if (is_refusal(error) || is_reset_in_handshake(error)) {
    return io::deadline_after(began, options.hold);
  }
  return io::Time::min();
}

Error final_error(const Error& error) {
  if (!is_short_of_descriptors(error)) return error;
  Error told(Errc::no_connection_slot, Side::upstream, error.to_string());
  return told.during(Phase::queue).retry_safe(true);
}

}  // namespace onehop::transport
