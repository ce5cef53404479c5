// SPDX-License-Identifier: Apache-2.0
//
// Writes HTTP/1 heads, chunk framing and trailers (RFC 9112) into the caller's memory. The framing
// fields come from HeadFraming: the message's own Content-Length, Transfer-Encoding, Connection,
// Keep-Alive, Proxy-Connection, TE, Trailer and Upgrade are left out.
// Thread: any.
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

// The value of Connection.
enum class Persistence : std::uint8_t {
  unsaid,      // no Connection field: HTTP/1.1 that stays open
  keep_alive,  // to an HTTP/1.0 client that asked for it
  close,
  upgrade,  // Connection: Upgrade and the Upgrade field of `upgrade`
};

struct HeadFraming {
  BodyFraming body = BodyFraming::none();  // see message_framing.hpp
  Persistence persistence = Persistence::unsaid;
  std::string_view upgrade = {};  // the protocol, with Persistence::upgrade
  std::string_view trailer = {};  // value of the Trailer field; "" for none
  bool te_trailers = false;       // requests: write "TE: trailers" and name TE in Connection
  // With body none: whether to send the Content-Length of the message unchanged, for responses to
  // HEAD and for 304, whose length describes content that is not sent (RFC 9110 §8.6).
  bool keep_content_length = false;
};

// The maximum size of an authority passed to write_request_head(). Url does not allow longer hosts.
inline constexpr std::size_t kMaxAuthority = 272;

// Returns an upper bound of the size of a head in bytes, which is cheap to compute.
// `start_line_text` is the target or the reason phrase. The bound includes authority and date.
std::size_t head_size_bound(const Headers& headers,
                            std::string_view start_line_text,
                            const HeadFraming& framing) noexcept;

// Writes the head of a request to `out`, which has room for at least head_size_bound() bytes, and
// returns the end. Fields keep their order; runs of lines stored as received are copied at once. If
// the message has no Host, a Host field with `authority` comes first.
char* write_request_head(char* out,
                         const Method& method,
                         std::string_view target,
                         std::string_view authority,
                         const Headers& headers,
                         const HeadFraming& framing) noexcept;
// Writes the head of a response in the same way. Adds `date` unless it is "" or the message has a
// Date. `reason` may be "".
char* write_response_head(char* out,
                          Status status,
                          std::string_view reason,
                          const Headers& headers,
                          const HeadFraming& framing,
                          std::string_view date) noexcept;

// Writes a chunk-size line such as "1f4\r\n", of at most kChunkSizeLine bytes.
inline constexpr std::size_t kChunkSizeLine = 18;
char* write_chunk_size(char* out, std::uint64_t size) noexcept;
// Writes the last chunk: "0\r\n", the trailers and "\r\n". Leaves out the fields that are not
// allowed in trailers.
std::size_t last_chunk_size_bound(const Headers& trailers) noexcept;
char* write_last_chunk(char* out, const Headers& trailers) noexcept;

}  // namespace onehop::h1
