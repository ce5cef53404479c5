// SPDX-License-Identifier: Apache-2.0
//
// Transport::statistics(): dials that fail, retries by reason, waits for a connection.
#include "support/proxied.hpp"
#include "support/vocabulary.hpp"

#include <string>

namespace onehop {
namespace {

using namespace test::vocabulary;

class ProxiedStatistics : public test::Proxied {
 protected:
  Transport::Statistics statistics() const { return transport_->statistics(); }
};

TEST_F(ProxiedStatistics, CountDialsThatFail) {
  Wire client = this->client();
  network_.refuse("backend:80");
  client.send(get());
  network_.advance(100ms);
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_EQ(statistics().dials_failed, 2u) << "it is dialled again after 50 ms";
  EXPECT_EQ(statistics().dialled, 0u);
}

TEST_F(ProxiedStatistics, CountWaitsForAConnection) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  Wire first = client();
  first.send(get("/first"));
  Wire only = backend();
  EXPECT_EQ(statistics().waits.count(), 1u);
  Wire second = client();
  second.send(get("/second"));
  network_.advance(2s);
  only.receive();
  only.send(ok("first"));
  EXPECT_THAT(only.receive(), StartsWith("GET /second "));
  EXPECT_EQ(statistics().waits.count(), 2u);
  EXPECT_EQ(statistics().waits.sum, 2s);
  only.send(ok("second"));
  EXPECT_EQ(body_of(second.receive()), "second");
  second.send(get("/third"));
  EXPECT_EQ(statistics().waits.count(), 2u) << "it did not have to wait";
}

TEST_F(ProxiedStatistics, CountRetriesByReason) {
  Wire client = this->client();
  client.send(get("/warm"));
  Wire old = backend();
  old.receive();
  old.send(ok("warm"));
  client.receive();
  client.send(get("/again"));
  EXPECT_THAT(old.receive(), StartsWith("GET /again "));
  old.close();
  Wire fresh = backend();
  fresh.receive();
  fresh.send(ok("again"));
  EXPECT_EQ(body_of(client.receive()), "again");
  EXPECT_EQ(statistics().retried, 1u);
  EXPECT_EQ(statistics().retried_uncertain, 1u);
  EXPECT_EQ(statistics().retried_unsent + statistics().retried_refused, 0u);
}

}  // namespace
}  // namespace onehop
