// SPDX-License-Identifier: Apache-2.0
//
// Bodies with scripted behaviour, and a witness that reports its destruction.
// Thread: owner.
#pragma once

#include <onehop/body.hpp>
#include <onehop/scope.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace onehop::test {

// Sends pieces, then the end or a failure. Its length is unknown unless given, and may be wrong.
class Pieces final : public BodySource {
 public:
  explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  task<Result<bytes>> read() override {
    ++reads_;
    if (pause_ > std::chrono::seconds(0)) co_await sleep_for(pause_);
    if (next_ < pieces_.size()) co_return bytes(pieces_[next_++]);
    if (throws_) throw std::runtime_error("no more of this");
    if (fails_) co_return failure(Errc::truncated, Side::upstream);
    co_return bytes();
  }
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override { return trailers_; }

  std::vector<std::string> pieces_;
  std::optional<std::uint64_t> length_;
  Headers trailers_;
  std::chrono::seconds pause_{0};
  bool fails_ = false;
  bool throws_ = false;
  int reads_ = 0;

 private:
  std::size_t next_ = 0;
};

inline std::unique_ptr<Pieces> pieces(std::vector<std::string> list) {
  return std::make_unique<Pieces>(std::move(list));
}

// Returns "half", a failure, and then the end, which must not be read.
class FailsOnce final : public BodySource {
 public:
  explicit FailsOnce(Error error) : error_(std::move(error)) {}
  task<Result<bytes>> read() override {
    const int read = reads_++;
    if (read == 0) co_return bytes("half");
    if (read == 1) co_return failure(error_);
    co_return bytes();
  }

 private:
  Error error_;
  int reads_ = 0;
};

// Reports its destruction.
struct Witness {
  explicit Witness(bool& gone) : gone_(&gone) {}
  Witness(Witness&& other) noexcept : gone_(std::exchange(other.gone_, nullptr)) {}
  Witness& operator=(Witness&&) = delete;
  ~Witness() {
    if (gone_) *gone_ = true;
  }
  bool* gone_;
};

}  // namespace onehop::test
