// SPDX-License-Identifier: Apache-2.0
#include "program/listener_places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

config::Configuration listening_on(std::vector<std::string> listen) {
  config::Configuration configuration;
  configuration.listen = std::move(listen);
  return configuration;
}

const std::vector<InheritedSocket> kGiven = {
    {"web", 3, "127.0.0.1:80"}, {"web", 4, "127.0.0.1:81"}, {"plain", 5, "127.0.0.1:82"}};

TEST(ListenerPlaces, AreInTheOrderOfTheListeners) {
  EXPECT_THAT(places_of(listening_on({"https://127.0.0.1:0", "unix:/x.sock"}), {},
                        {"127.0.0.1:4711", "unix:/x.sock"}),
              ElementsAre(ListenerPlace{"https://127.0.0.1:0", "127.0.0.1:4711"},
                          ListenerPlace{"unix:/x.sock", "unix:/x.sock"}));
}

TEST(ListenerPlaces, ANameMayHaveSeveralSockets) {
  const auto configuration = listening_on({"https://fd:web", "redirect://fd:plain", ":90"});
  const auto places =
      places_of(configuration, kGiven, {"127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:82", "[::]:90"});
  EXPECT_THAT(places, ElementsAre(ListenerPlace{"https://fd:web", "127.0.0.1:80"},
                                  ListenerPlace{"https://fd:web", "127.0.0.1:81"},
                                  ListenerPlace{"redirect://fd:plain", "127.0.0.1:82"},
                                  ListenerPlace{":90", "[::]:90"}));
}

TEST(ListenerPlaces, ASocketUsedByAnAddressIsNotAssignedToAName) {
  const auto configuration = listening_on({"127.0.0.1:80", "fd:web", "127.0.0.1:82"});
  const std::vector<std::string> addresses = {"127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:82"};
  const auto places = places_of(configuration, kGiven, addresses);
  EXPECT_THAT(places, ElementsAre(ListenerPlace{"127.0.0.1:80", "127.0.0.1:80"},
                                  ListenerPlace{"fd:web", "127.0.0.1:81"},
                                  ListenerPlace{"127.0.0.1:82", "127.0.0.1:82"}));
  EXPECT_EQ(expected_places(configuration, kGiven, {}), places);
}

TEST(ListenerPlaces, ArePredictedExceptForSystemChosenPorts) {
  const auto configuration = listening_on({"127.0.0.1:0", "[::1]:0", "https://127.0.0.1:443"});
  const ListenerPlaces before = {{"127.0.0.1:0", "127.0.0.1:4711"}};
  EXPECT_THAT(
      expected_places(configuration, {}, before),
      ElementsAre(ListenerPlace{"127.0.0.1:0", "127.0.0.1:4711"}, ListenerPlace{"[::1]:0", ""},
                  ListenerPlace{"https://127.0.0.1:443", "127.0.0.1:443"}));
}

TEST(ListenerPlaces, RedirectsLeadToTheFirstTlsListener) {
  const ListenerPlaces places = {{"http://:81", "[::]:81"},
                                 {"redirect://:80", "[::]:80"},
                                 {"https://:8443", "[::]:8443"},
                                 {"https://:443", "[::]:443"}};
  const Redirects redirects = redirects_of(places, true);
  EXPECT_THAT(redirects.listeners, ElementsAre("[::]:80"));
  EXPECT_EQ(redirects.https_port, 8443);
  EXPECT_THAT(redirects_of({{":80", "[::]:80"}}, false).listeners, IsEmpty());
}

TEST(ListenerPlaces, AreShownAsUrls) {
  EXPECT_THAT(urls_of({{":443", "[::]:443"}, {"redirect://:80", "[::]:80"}}, true),
              ElementsAre("https://localhost:443", "http://localhost:80 (redirects to https)"));
  EXPECT_THAT(urls_of({{":80", "0.0.0.0:80"}}, false), ElementsAre("http://localhost:80"));
}

}  // namespace
}  // namespace onehop::program
