// SPDX-License-Identifier: Apache-2.0
#include "server/configuration.hpp"

#include "base/check.hpp"
#include "io/buffer_pool.hpp"
#include "io/offloads.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace onehop::server {
namespace {

h1::Limits limits_of(const Server::Options& options) {
  h1::Limits limits;
  limits.max_start_line = h1::bounded(options.max_request_line);
  limits.max_header_bytes = h1::bounded(options.max_header_bytes);
  limits.max_header_fields = options.max_header_fields;
  return limits;
}

h2::SessionLimits h2_limits_of(const Server::Options& options) {
  static constexpr std::size_t kMax = std::numeric_limits<std::int32_t>::max();
  const auto bounded = [](std::size_t value, std::size_t min) {
    return static_cast<std::uint32_t>(std::clamp(value, min, kMax));
  };
  h2::SessionLimits limits;
  limits.max_streams = bounded(options.max_streams, 1);
  // A window smaller than the protocol's initial one (65,535 bytes) cannot be enforced before the
  // peer knows of it.
  limits.stream_window = bounded(options.stream_window, 1024);
  limits.connection_window = bounded(options.connection_window, 65'535);
  limits.fields.max_start_line = h1::bounded(options.max_request_line);
  limits.fields.max_bytes = h1::bounded(options.max_header_bytes);
  limits.fields.max_fields = options.max_header_fields;
  return limits;
}

}  // namespace

Configuration::Configuration(std::shared_ptr<const Server::Options> options,
                             std::shared_ptr<const TrustedPeers> trusted,
                             std::shared_ptr<const Handler> handler)
    : options_(std::move(options)),
      trusted_(std::move(trusted)),
      handler_(std::move(handler)),
      limits_(limits_of(*options_)),
      h2_limits_(h2_limits_of(*options_)),
      head_limit_(
          std::max(limits_.max_start_line + limits_.max_header_bytes, io::BufferPool::kSize)),
      parsers_(h1::HeadKind::request, limits_) {}

Configuration::~Configuration() {
  ONEHOP_DCHECK(references_ == 0);
  io::release_after_offloads(std::move(handler_));
}

}  // namespace onehop::server
