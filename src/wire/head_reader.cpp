// SPDX-License-Identifier: Apache-2.0
#include "wire/head_reader.hpp"

#include "base/held_memory.hpp"

#include <cerrno>

namespace onehop::wire {

Poll<void> try_read_head(const HeadInput& source) {
  for (;;) {
    if (!source.buffer.empty()) {
      switch (source.parser.parse(source.buffer.view())) {
        case h1::HeadParser::State::complete:
          return Result<void>();
        case h1::HeadParser::State::failed:
          return failure(source.parser.error());
        case h1::HeadParser::State::incomplete:
          break;
      }
    }
    const net::IoResult got = source.buffer.fill(source.stream, source.limit);
    if (got.has_bytes()) continue;
    if (got.is_wait()) return std::nullopt;
    if (got.is_end()) return failure(Errc::closed, source.side, "the connection ended");
    if (got.error() == ENOMEM) return failure(Errc::overloaded, Side::local);
    if (got.error() == EMSGSIZE) {
      const bool client = source.side == Side::client;
      return failure(client ? Errc::head_too_large : Errc::response_head_too_large, source.side);
    }
    return failure(source.stream.error_of(got.error(), source.side));
  }
}

task<Result<void>> read_head(const HeadInput& source, net::Time deadline) {
  for (;;) {
    auto read = try_read_head(source);
    if (read) co_return *read;
    if (source.buffer.empty()) {
      source.buffer.release();
    } else if (source.side == Side::client && memory_is_short()) {
      co_return failure(Errc::overloaded, Side::local);
    }
    const net::Wait wait = co_await source.stream.readable(deadline);
    if (wait == net::Wait::timed_out) co_return failure(Errc::timed_out, source.side);
    if (wait == net::Wait::interrupted) co_return failure(Errc::cancelled, Side::local);
  }
}

}  // namespace onehop::wire
