// SPDX-License-Identifier: Apache-2.0
#include "server/request_body.hpp"

#include "base/check.hpp"
#include "wire/request_claim.hpp"

#include <utility>

namespace onehop::server {

std::unique_ptr<RequestBody> RequestContent::lend(io::Reactor& reactor,
                                                  std::optional<std::uint64_t> length) {
  ONEHOP_DCHECK(!is_lent());
  auto body = std::make_unique<RequestBody>(reactor, *this, length);
  body_ = body.get();
  return body;
}

void RequestContent::take_back() noexcept {
  if (!body_) return;
  std::exchange(body_, nullptr)->detach();
  end_body_wait();
}

void RequestContent::wake_reader() noexcept {
  if (body_) body_->wake();
}

// A wait that may be abandoned, since a reader can be destroyed at any time.
class RequestBody::Wait {
 public:
  explicit Wait(RequestBody& body) : body_(body) {
    ONEHOP_DCHECK(body_.content_ && !body_.is_waited_for_);
    body_.content_->begin_body_wait();
    body_.is_waited_for_ = true;
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    body_.is_waited_for_ = false;
    if (body_.content_) body_.content_->end_body_wait();
  }

 private:
  RequestBody& body_;
};

RequestBody::~RequestBody() {
  if (content_) content_->body_dropped();
}

void RequestBody::detach() noexcept {
  // A reader that has read everything may still ask for the end.
  if (content_) ended_ = content_->body_at_end() && content_->body_trailers().empty();
  content_ = nullptr;
  wake();
}

Poll<bytes> RequestBody::try_read(std::size_t max) {
  if (!content_ && ended_) return bytes();
  if (!content_) return failure(Errc::client_gone, Side::client, "the exchange is over");
  if (read_twice_) {
    return failure(Errc::handler_failed, Side::local, "two tasks read one body at the same time");
  }
  return content_->read_body(max);
}

task<void> RequestBody::wait() {
  if (!content_) co_return;
  if (is_waited_for_) {
    read_twice_ = true;
    wake();
    co_return;
  }
  const Wait waiting(*this);
  co_await changed_.wait();
}

task<Result<bytes>> RequestBody::read() {
  for (;;) {
    auto piece = try_read(wire::kShortPiece);
    if (piece && *piece && !(*piece)->empty()) {
      // Valid until the next read, even if the exchange ends before and its memory is reused.
      piece_.assign(**piece);
      co_return bytes(piece_);
    }
    if (piece) co_return *piece;
    co_await wait();
  }
}

bool RequestBody::at_end() const noexcept {
  return content_ ? content_->body_at_end() : ended_;
}

const Headers& RequestBody::trailers() const {
  return content_ ? content_->body_trailers() : BodySource::trailers();
}

}  // namespace onehop::server
