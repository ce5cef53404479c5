// SPDX-License-Identifier: Apache-2.0
#include "http/connection_authentication.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(ConnectionAuthentication, RecognizesCredentialsInARequest) {
  for (const char* const name : {"Authorization", "proxy-authorization"}) {
    for (const char* const value :
         {"NTLM TlRMTVNTUAAB", "ntlm", "Negotiate YII=", "NEGOTIATE\tYII=", "Basic YQ==, nTlM TlRM",
          ",, Negotiate", "Digest a=\"b, c\", NTLM x"}) {
      EXPECT_TRUE(has_connection_credentials(Headers({{name, value}}))) << name << ": " << value;
    }
    for (const char* const value : {"Basic TlRMTQ==", "Bearer NTLM", "NTLMv2 x", "Negotiated", "",
                                    "XNTLM", "Digest a=NTLM"}) {
      EXPECT_FALSE(has_connection_credentials(Headers({{name, value}}))) << name << ": " << value;
    }
  }
}

TEST(ConnectionAuthentication, ChecksEveryFieldLine) {
  EXPECT_TRUE(has_connection_credentials(
      Headers({{"Authorization", "Basic YQ=="}, {"Authorization", "NTLM TlRM"}})));
  EXPECT_TRUE(has_connection_challenge(Headers(
      {{"WWW-Authenticate", "Basic realm=\"a\""}, {"X", "y"}, {"www-authenticate", "negotiate"}})));
}

TEST(ConnectionAuthentication, RecognizesChallengesInAResponse) {
  for (const char* const name : {"WWW-Authenticate", "PROXY-AUTHENTICATE"}) {
    EXPECT_TRUE(has_connection_challenge(Headers({{name, "Basic realm=\"x\", Negotiate"}})));
    EXPECT_TRUE(has_connection_challenge(Headers({{name, "NTLM TlRMTVNTUAAC"}})));
    EXPECT_FALSE(has_connection_challenge(Headers({{name, "Basic realm=NTLM"}})));
  }
}

// Credentials and challenges have different fields.
TEST(ConnectionAuthentication, IgnoresOtherFields) {
  const Headers challenge({{"WWW-Authenticate", "NTLM"}, {"X-Authorization", "NTLM"}});
  EXPECT_FALSE(has_connection_credentials(challenge));
  const Headers credentials({{"Authorization", "NTLM"}, {"X-WWW-Authenticate", "NTLM"}});
  EXPECT_FALSE(has_connection_challenge(credentials));
}

}  // namespace
}  // namespace onehop
