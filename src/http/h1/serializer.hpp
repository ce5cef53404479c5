// SPDX-License-Identifier: Apache-2.0
//
// Writes HTTP/1 heads, chunk framing and trailers (RFC 9112) into memory of the caller. The framing
// fields are always written afresh; whatever Content-Length, Transfer-Encoding, Connection,
// Keep-Alive, Proxy-Connection, TE, Trailer or Upgrade fields the message carries are left out.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/status.hpp>
#include <onehop/version.hpp>

#include "http/message_framing.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace onehop::h1 {

// What Connection says.
enum class Persistence : std::uint8_t {
  unsaid,      // HTTP/1.1 that stays open
  keep_alive,  // to an HTTP/1.0 client that asked for it
  close,
  upgrade,  // Connection: Upgrade and the Upgrade field of `upgrade`
};

struct HeadFraming {
  BodyFraming body = BodyFraming::none();  // see message_framing.hpp
  Persistence persistence = Persistence::unsaid;
  std::string_view upgrade = {};  // the token, with Persistence::upgrade
  std::string_view trailer = {};  // value of a Trailer field to announce; "" for none
  bool te_trailers = false;       // requests: write "TE: trailers" and name TE in Connection
  // With body none: the Content-Length of the message goes out as it is. For answers to HEAD and
  // 304, where it speaks of content that is not there (RFC 9110 §8.6).
  bool keep_content_length = false;
};

// An authority that write_request_head accepts is no longer than this; Url allows no longer host.
inline constexpr std::size_t kMaxAuthority = 272;

// The exact size is not needed to call write_*; this bound is cheap to compute. `start_line_text`
// is the target or the reason phrase; an authority and a date need not be counted in.
std::size_t head_size_bound(const Headers& headers,
                            std::string_view start_line_text,
                            const HeadFraming& framing) noexcept;

// Write at `out`, which has at least head_size_bound bytes, and return the end. Field lines come
// in their order; runs of lines kept as received are copied at once. Host comes first in requests
// when the message carries none in its place (`authority` is then used).
char* write_request_head(char* out,
                         const Method& method,
                         std::string_view target,
                         std::string_view authority,
                         const Headers& headers,
                         const HeadFraming& framing) noexcept;
// `date` is added when the message has no Date; "" adds none. `reason` may be "".
char* write_response_head(char* out,
                          Status status,
                          std::string_view reason,
                          const Headers& headers,
                          const HeadFraming& framing,
                          std::string_view date) noexcept;

// "1f4\r\n"; at most kChunkSizeLine bytes.
inline constexpr std::size_t kChunkSizeLine = 18;
char* write_chunk_size(char* out, std::uint64_t size) noexcept;
// "0\r\n" trailers "\r\n"; fields that may not be in trailers are left out.
std::size_t last_chunk_size_bound(const Headers& trailers) noexcept;
char* write_last_chunk(char* out, const Headers& trailers) noexcept;

}  // namespace onehop::h1
