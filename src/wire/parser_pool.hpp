// SPDX-License-Identifier: Apache-2.0
//
// ParserPool lends head parsers, which keep their memory between messages. Thread: owner.
#pragma once

#include "http/h1/parser.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace onehop::wire {

class ParserPool {
 public:
  static constexpr std::size_t kKept = 64;  // idle parsers; only a few are in use at a time

  ParserPool(h1::HeadKind kind, const h1::Limits& limits) noexcept : kind_(kind), limits_(limits) {}

  class Lease {
   public:
    Lease(ParserPool& pool, std::unique_ptr<h1::HeadParser> parser) noexcept
        : pool_(&pool), parser_(std::move(parser)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (parser_ && pool_->free_.size() < kKept) pool_->free_.push_back(std::move(parser_));
    }
    h1::HeadParser& operator*() const noexcept { return *parser_; }
    h1::HeadParser* operator->() const noexcept { return parser_.get(); }

   private:
    ParserPool* pool_;
    std::unique_ptr<h1::HeadParser> parser_;
  };

  Lease take() {
    if (free_.empty()) {
      free_.reserve(kKept);  // so that the destructor of a lease does not allocate
      return {*this, std::make_unique<h1::HeadParser>(kind_, limits_)};
    }
    auto parser = std::move(free_.back());
    free_.pop_back();
    parser->reset();
    return {*this, std::move(parser)};
  }

 private:
  h1::HeadKind kind_;
  h1::Limits limits_;
  std::vector<std::unique_ptr<h1::HeadParser>> free_;
};

}  // namespace onehop::wire
