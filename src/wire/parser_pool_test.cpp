// SPDX-License-Identifier: Apache-2.0
#include "wire/parser_pool.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace onehop::wire {
namespace {

using h1::HeadParser;

TEST(ParserPool, ReusesAParserReadyForTheNextHead) {
  ParserPool pool(h1::HeadKind::request, h1::Limits());
  const HeadParser* first = nullptr;
  {
    auto parser = pool.take();
    first = &*parser;
    EXPECT_EQ(parser->parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), HeadParser::State::complete);
  }
  {
    auto parser = pool.take();
    EXPECT_EQ(&*parser, first);
    EXPECT_FALSE(parser->begun());
    EXPECT_EQ(parser->parse("broken\r\n\r\n"), HeadParser::State::failed);
  }
  auto parser = pool.take();
  EXPECT_EQ(&*parser, first);
  EXPECT_EQ(parser->parse("GET /"), HeadParser::State::incomplete);
}

TEST(ParserPool, LendsNoParserTwiceAtOnce) {
  ParserPool pool(h1::HeadKind::request, h1::Limits());
  auto one = pool.take();
  auto two = pool.take();
  EXPECT_NE(&*one, &*two);
  one->parse("GET /");
  EXPECT_FALSE(two->begun());
}

TEST(ParserPool, TakesBackAMovedParserOnce) {
  ParserPool pool(h1::HeadKind::request, h1::Limits());
  {
    auto lease = pool.take();
    auto moved = std::move(lease);
    EXPECT_FALSE(moved->begun());
  }
  auto one = pool.take();
  auto two = pool.take();
  EXPECT_NE(&*one, &*two);
}

TEST(ParserPool, ConfiguresParsersWithItsKindAndLimits) {
  h1::Limits limits;
  limits.max_header_fields = 1;
  ParserPool pool(h1::HeadKind::response, limits);
  auto parser = pool.take();
  EXPECT_EQ(parser->parse("HTTP/1.1 200 OK\r\nA: b\r\n\r\n"), HeadParser::State::complete);
  parser->reset();
  EXPECT_EQ(parser->parse("HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n"), HeadParser::State::failed);
  EXPECT_TRUE(parser->error().is(Errc::response_head_too_large));
}

}  // namespace
}  // namespace onehop::wire
