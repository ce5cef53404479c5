// SPDX-License-Identifier: Apache-2.0
//
// Runs a whole connection of an HTTP/1 client: arbitrary bytes arrive in any pieces, and a handler
// acts as the input says. The handler must receive exactly the requests that a strict reader finds
// in the bytes, and each response must end as its record states. Input: four bytes for the handler,
// then a script (session/script.hpp).

#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "head_fuzz.hpp"
#include "session/h1_messages.hpp"
#include "session/ledger.hpp"
#include "session/script.hpp"

#include <stdexcept>
#include <vector>

namespace onehop::fuzz {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using End = H1Message::End;

constexpr std::size_t kOptions = 4;
constexpr std::size_t kMaxContent = 1'000'000;
constexpr std::string_view kPreface = "PRI * HTTP/2.0";

// A request as the handler received it.
struct Asked {
  Method method;
  std::string target;
  std::string fields;
  std::string content;
  bool complete = false;
};

// Sends a number of bytes and then the end or a failure.
class Generated final : public BodySource {
 public:
  Generated(std::size_t size, bool fails) : left_(size), fails_(fails) {}
  task<Result<bytes>> read() override {
    piece_.assign(std::min<std::size_t>(left_, 10'000), 'g');
    left_ -= piece_.size();
    if (piece_.empty() && fails_) co_return failure(Errc::truncated, Side::upstream);
    co_return bytes(piece_);
  }

 private:
  std::size_t left_;
  bool fails_;
  std::string piece_;
};

class Served final : public Handler {
 public:
  explicit Served(std::string_view options) : options_(options) {}
  task<Response> serve(Request request) const override;

  std::vector<Asked>& asked() const noexcept { return asked_; }

 private:
  std::string_view options_;
  mutable std::vector<Asked> asked_;
};

task<Response> Served::serve(Request request) const {
  const std::size_t index = asked_.size();
  const Action choice{0, 0, options_.substr(index % kOptions, 1)};
  Asked& noted = asked_.emplace_back();
  noted.method = request.method();
  noted.target = request.url().target();
  noted.fields = kept_fields(request.headers());
  Response response(choice.has_bit(0, 7) ? Status::not_found : Status::ok);
  response.headers().add("x-index", std::to_string(index));
  if (choice.has_bit(0, 6)) request.send_informational(Response(Status::early_hints));
  const std::size_t size = content_size(choice.at(0) >> 3U);
  switch (choice.at(0) % 8U) {
    case 0:  // streams it back
      response.set_body(std::move(request.body()));
      co_return response;
    case 1:
    case 2: {  // reads all of it
      auto content = co_await request.body().read_all(kMaxContent);
      Asked& now = asked_[index];
      now.complete = content.has_value();
      if (content) now.content = *content;
      response.set_body(Body::of(content ? std::move(*content) : std::string("broken off")));
      co_return response;
    }
    case 3:  // reads one piece
      co_await request.body().read();
      break;
    case 4:
      throw std::runtime_error("as the input wants it");
    case 5:
      response.set_body(Body::from(std::make_unique<Generated>(size, false)));
      break;
    case 6:
      response.set_body(Body::from(std::make_unique<Generated>(size, true)));
      break;
    default:
      response.set_status(choice.has_bit(0, 5) ? Status::no_content : Status::not_modified);
  }
  co_return response;
}

// --- what has to come of it --------------------------------------------------------------------

std::string origin_form(const std::string& target) {
  const auto url = Url::parse_target(target);
  return url ? std::string(url->without_authority().target()) : target;
}

void check_asked(std::string_view sent, const std::vector<Asked>& asked) {
  std::string_view rest = sent;
  for (const Asked& each : asked) {
    const H1Message message = take_request(rest);
    ONEHOP_CHECK(message.has_head());
    ONEHOP_CHECK(each.method == message.method);
    ONEHOP_CHECK(each.target == origin_form(message.target));
    const auto url = Url::parse_target(message.target);
    if (!url->is_absolute()) ONEHOP_CHECK(each.fields == kept_fields(message.headers));
    if (!each.complete) continue;
    ONEHOP_CHECK(message.end == End::complete && !message.malformed);
    ONEHOP_CHECK(each.content == message.content);
  }
}

void check_answers(std::string_view received, const std::vector<Record>& records, bool reset) {
  std::size_t handled = 0;
  for (const Record& record : records) {
    const H1Message message = take_response(received, record.method);
    ONEHOP_CHECK(!message.malformed);
    if (record.status == 0) break;
    ONEHOP_CHECK(message.status.code() == record.status);
    if (const auto index = message.headers.get("x-index"))
      ONEHOP_CHECK(*index == std::to_string(handled));
    ++handled;
    const bool complete =
        message.end == End::complete || (message.end == End::connection && !reset);
    ONEHOP_CHECK(complete == (record.outcome == Outcome::complete));
    ONEHOP_CHECK(!complete || message.content.size() == record.response_body);
    if (!complete) break;
  }
  ONEHOP_CHECK(received.empty());
}

void run(std::string_view options, Script script) {
  std::vector<Record> records;
  testing::Network network;
  Server::Options server;
  server.max_header_bytes = 4096;
  server.max_body = 20'000;
  server.log = [](LogLevel, std::string_view) {};
  server.on_exchange_end = [&records](const ExchangeRecord& exchange) {
    records.emplace_back(exchange);
  };
  const auto handler = std::make_shared<Served>(options);
  network.serve("h:80", handler, server);
  testing::Wire wire = network.connect("h:80");
  std::string sent;
  std::string received;
  bool open = true;
  while (const auto action = script.next()) {
    switch (action->kind % 8U) {
      case 6:
        network.advance(std::chrono::milliseconds(std::uint64_t{1} << (action->choice % 18U)));
        break;
      case 7:
        open = open && action->choice % 4U != 0;
        if (!open) wire.close_write();
        break;
      default:
        if (!open) break;
        sent += action->data;
        wire.send(action->data);
    }
    received += wire.receive();
  }
  wire.close_write();
  network.advance(10min);
  received += wire.receive();
  ONEHOP_CHECK(wire.at_end());
  ONEHOP_CHECK(records.size() >= handler->asked().size());
  if (sent.find(kPreface) != std::string::npos) return;  // it may be HTTP/2 now
  check_asked(sent, handler->asked());
  check_answers(received, records, wire.was_reset());
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.size() < kOptions) return;
  run(input.substr(0, kOptions), Script(input.substr(kOptions)));
}

}  // namespace onehop::fuzz
