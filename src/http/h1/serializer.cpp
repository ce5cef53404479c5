// SPDX-License-Identifier: Apache-2.0

#include "http/h1/serializer.hpp"

#include "http/field_names.hpp"
#include "http/field_rules.hpp"
#include "http/header_lines.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace onehop::h1 {
namespace {

constexpr std::uint64_t kConnectionFields =
    bit_of(FieldId::content_length) | bit_of(FieldId::transfer_encoding) |
    bit_of(FieldId::connection) | bit_of(FieldId::keep_alive) | bit_of(FieldId::proxy_connection) |
    bit_of(FieldId::te) | bit_of(FieldId::trailer) | bit_of(FieldId::upgrade);

constexpr std::size_t kMaxDate = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"

// The maximum size of method, version, status code and all lines that may be added, without their
// variable text, in bytes.
constexpr std::size_t kFixedPart = 320 + kMaxAuthority;

constexpr bool is_in(std::uint64_t set, FieldId id) noexcept {
  return (set & bit_of(id)) != 0;
}

char* put(char* out, std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_line(char* out, std::string_view name, std::string_view value) noexcept {
  out = put(out, name);
  out = put(out, ": ");
  out = put(out, value);
  return put(out, "\r\n");
}

const char* end_of(const FieldLine& line) noexcept {
  return line.value_data + line.value_size + 2;  // with the CRLF of a verbatim line
}

// Writes the field lines of a message except those in `skipped`. Adjacent lines that are stored in
// wire form are copied together.
class LineWriter {
 public:
  LineWriter(char* out, std::uint64_t skipped) noexcept : out_(out), skipped_(skipped) {}

  void write(const Headers& headers) noexcept {
    for (const FieldLine& line : HeaderLines(headers)) {
      if (!is_in(skipped_, line.id)) keep(line);
    }
    flush();
  }

  void keep(const FieldLine& line) noexcept {
    if (line.verbatim && line.name_data == run_end_) {
      run_end_ = end_of(line);
      return;
    }
    flush();
    if (line.verbatim) {
      run_ = line.name_data;
      run_end_ = end_of(line);
      return;
    }
    const Field field = line.field();
    out_ = put_line(out_, field.name, field.value);
  }

  void put_now(std::string_view name, std::string_view value) noexcept {
    flush();
    out_ = put_line(out_, name, value);
  }

  char* out() noexcept {
    flush();
    return out_;
  }

 private:
  void flush() noexcept {
    out_ = put(out_, {run_, static_cast<std::size_t>(run_end_ - run_)});
    run_ = run_end_ = nullptr;
  }

  char* out_;
  std::uint64_t skipped_;
  const char* run_ = nullptr;
  const char* run_end_ = nullptr;
};

struct Decimal {
  explicit Decimal(std::uint64_t value) noexcept
      : end(std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr) {}
  std::string_view text() const noexcept {
    return {digits.data(), static_cast<std::size_t>(end - digits.data())};
  }
  std::array<char, 20> digits{};
  const char* end;
};

// Writes the field lines. Content-Length keeps its place among them; if the message has none, it
// comes last.
char* put_lines_and_length(char* out, const Headers& headers, const HeadFraming& framing) noexcept {
  const bool has_length = framing.body.kind == BodyFraming::Kind::length;
  const Decimal length(framing.body.length);
  if (!HeaderLines(headers).has(FieldId::content_length) ||
      (!has_length && !framing.keep_content_length)) {
    LineWriter writer(out, kConnectionFields);
    writer.write(headers);
    if (has_length) writer.put_now("Content-Length", length.text());
    return writer.out();
  }
  LineWriter writer(out, kConnectionFields);
  bool length_written = false;
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id != FieldId::content_length) {
      if (!is_in(kConnectionFields, line.id)) writer.keep(line);
      continue;
    }
    if (std::exchange(length_written, true)) continue;
    const Field field = line.field();
    if (!has_length || field.value == length.text()) {
      writer.keep(line);
    } else {
      writer.put_now(field.name, length.text());
    }
  }
  return writer.out();
}

std::string_view connection_text(const HeadFraming& framing) noexcept {
  switch (framing.persistence) {
    case Persistence::unsaid:
      return "";
    case Persistence::keep_alive:
      return "keep-alive";
    case Persistence::close:
      return "close";
    case Persistence::upgrade:
      return "Upgrade";
  }
  return "";
}

// Writes the other framing fields and the empty line.
char* put_rest(char* out, const HeadFraming& framing) noexcept {
  if (framing.body.kind == BodyFraming::Kind::chunked) {
    out = put(out, "Transfer-Encoding: chunked\r\n");
  }
  if (!framing.trailer.empty()) out = put_line(out, "Trailer", framing.trailer);
  const std::string_view connection = connection_text(framing);
  if (!connection.empty() || framing.te_trailers) {
    out = put(out, "Connection: ");
    out = put(out, connection);
    if (framing.te_trailers) out = put(out, connection.empty() ? "TE" : ", TE");
    out = put(out, "\r\n");
  }
  if (framing.te_trailers) out = put(out, "TE: trailers\r\n");
  if (framing.persistence == Persistence::upgrade) out = put_line(out, "Upgrade", framing.upgrade);
  return put(out, "\r\n");
}

}  // namespace

std::size_t head_size_bound(const Headers& headers,
                            std::string_view start_line_text,
                            const HeadFraming& framing) noexcept {
  std::size_t size =
      kFixedPart + start_line_text.size() + framing.upgrade.size() + framing.trailer.size();
  for (const FieldLine& line : HeaderLines(headers)) {
    size += line.name_size + line.value_size + 4 + 20;  // a Content-Length may become longer
  }
  return size;
}

char* write_request_head(char* out,
                         const Method& method,
                         std::string_view target,
                         std::string_view authority,
                         const Headers& headers,
                         const HeadFraming& framing) noexcept {
  out = put(out, method.text());
  *out++ = ' ';
  out = put(out, target);
  out = put(out, " HTTP/1.1\r\n");
  if (!HeaderLines(headers).has(FieldId::host)) {
    const bool fits = authority.size() <= kMaxAuthority;
    out = put_line(out, "Host", fits ? authority : std::string_view{});
  }
  out = put_lines_and_length(out, headers, framing);
  return put_rest(out, framing);
}

char* write_response_head(char* out,
                          Status status,
                          std::string_view reason,
                          const Headers& headers,
                          const HeadFraming& framing,
                          std::string_view date) noexcept {
  const int code = status.code();
  out = put(out, "HTTP/1.1 ");
  *out++ = static_cast<char>('0' + code / 100);
  *out++ = static_cast<char>('0' + code / 10 % 10);
  *out++ = static_cast<char>('0' + code % 10);
  *out++ = ' ';
  out = put(out, reason);
  out = put(out, "\r\n");
  out = put_lines_and_length(out, headers, framing);
  if (!date.empty() && date.size() <= kMaxDate && !HeaderLines(headers).has(FieldId::date)) {
    out = put_line(out, "Date", date);
  }
  return put_rest(out, framing);
}

char* write_chunk_size(char* out, std::uint64_t size) noexcept {
  out = std::to_chars(out, out + 16, size, 16).ptr;
  return put(out, "\r\n");
}

std::size_t last_chunk_size_bound(const Headers& trailers) noexcept {
  std::size_t size = 5;  // "0\r\n" and "\r\n"
  for (const FieldLine& line : HeaderLines(trailers)) {
    size += line.name_size + line.value_size + 4;
  }
  return size;
}

char* write_last_chunk(char* out, const Headers& trailers) noexcept {
  LineWriter writer(put(out, "0\r\n"), 0);
  for (const FieldLine& line : HeaderLines(trailers)) {
    if (!is_forbidden_in_trailers(line.id, line.field().name)) writer.keep(line);
  }
  return put(writer.out(), "\r\n");
}

}  // namespace onehop::h1
