// SPDX-License-Identifier: Apache-2.0
#include "acme/messages.hpp"

#include <onehop/url.hpp>

#include "acme/words.hpp"
#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace onehop::acme {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxToken = 128;
constexpr std::size_t kMinToken = 22;

std::unexpected<Error> malformed(std::string what) {
  return failure(Errc::bad_response, Side::upstream, "the authority sent " + std::move(what));
}

// Returns an object, or null. Rejects deep nesting while reading it.
Json object_in(std::string_view text) {
  if (text.size() > kMaxDocument) return {};
  bool is_too_deep = false;
  const auto look = [&is_too_deep](int depth, Json::parse_event_t, Json&) {
    is_too_deep = is_too_deep || depth > kMaxDepth;
    return !is_too_deep;
  };
  Json json = Json::parse(text, look, false);
  if (is_too_deep || !json.is_object()) return {};
  return json;
}

const std::string* text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return nullptr;
  return found->get_ptr<const std::string*>();
}

// Puts a URL into `out`. Returns false if the value is not a URL, or is missing although required.
bool take_url(const Json& object, const char* name, bool is_required, std::string& out) {
  if (!object.contains(name)) return !is_required;
  const std::string* const text = text_in(object, name);
  if (text == nullptr || !is_https_url(*text)) return false;
  out = *text;
  return true;
}

std::string for_people(std::string_view text) {
  return in_one_line(beginning_of(text, kMaxDetail));
}

constexpr std::string_view kAcmeErrors = "urn:ietf:params:acme:error:";

Problem problem_in(const Json& object) {
  Problem problem;
  if (const std::string* const type = text_in(object, "type")) {
    std::string_view text = *type;
    if (text.starts_with(kAcmeErrors)) text.remove_prefix(kAcmeErrors.size());
    problem.type = for_people(text);
  }
  if (const std::string* const detail = text_in(object, "detail"))
    problem.detail = for_people(*detail);
  return problem;
}

std::optional<Problem> problem_of(const Json& object) {
  const auto found = object.find("error");
  if (found == object.end() || !found->is_object()) return std::nullopt;
  return problem_in(*found);
}

template <class Status, std::size_t kSize>
using Names = std::array<std::pair<std::string_view, Status>, kSize>;

template <class Status, std::size_t kSize>
std::optional<Status> status_in(const Json& object, const Names<Status, kSize>& names) {
  const std::string* const text = text_in(object, "status");
  if (text == nullptr) return std::nullopt;
  const auto found = std::ranges::find(names, std::string_view(*text),
                                       [](const auto& each) { return each.first; });
  if (found == names.end()) return std::nullopt;
  return found->second;
}

constexpr Names<OrderStatus, 5> kOrderNames = {{{"pending", OrderStatus::pending},
                                                {"ready", OrderStatus::ready},
                                                {"processing", OrderStatus::processing},
                                                {"valid", OrderStatus::valid},
                                                {"invalid", OrderStatus::invalid}}};
constexpr Names<ChallengeStatus, 4> kChallengeNames = {{{"pending", ChallengeStatus::pending},
                                                        {"processing", ChallengeStatus::processing},
                                                        {"valid", ChallengeStatus::valid},
                                                        {"invalid", ChallengeStatus::invalid}}};
constexpr Names<AuthorizationStatus, 6> kAuthorizationNames = {
    {{"pending", AuthorizationStatus::pending},
     {"valid", AuthorizationStatus::valid},
     {"invalid", AuthorizationStatus::invalid},
     {"deactivated", AuthorizationStatus::invalid},
     {"expired", AuthorizationStatus::invalid},
     {"revoked", AuthorizationStatus::invalid}}};

std::optional<Challenge> challenge_in(const Json& object) {
  if (!object.is_object()) return std::nullopt;
  Challenge challenge;
  const std::string* const type = text_in(object, "type");
  const auto status = status_in(object, kChallengeNames);
  if (type == nullptr || type->size() > kMaxToken || !status ||
      !take_url(object, "url", true, challenge.url)) {
    return std::nullopt;
  }
  challenge.type = for_people(*type);
  challenge.status = *status;
  challenge.problem = problem_of(object);
  const std::string* const token = text_in(object, "token");
  if (token != nullptr && is_token(*token)) challenge.token = *token;
  return challenge;
}

void take_meta(const Json& object, Directory& directory) {
  const auto meta = object.find("meta");
  if (meta == object.end() || !meta->is_object()) return;
  if (const std::string* const terms = text_in(*meta, "termsOfService"))
    directory.terms = for_people(*terms);
  const auto external = meta->find("externalAccountRequired");
  directory.needs_external_account =
      external != meta->end() && external->is_boolean() && external->get<bool>();
  const auto profiles = meta->find("profiles");
  if (profiles == meta->end() || !profiles->is_object()) return;
  for (const auto& [name, about] : profiles->items()) {
    if (directory.profiles.size() == kMaxListed) break;
    directory.profiles.push_back(for_people(name));
  }
}

}  // namespace

Result<Directory> parse_directory(std::string_view json) {
  const Json object = object_in(json);
  if (!object.is_object()) return malformed("no directory: the URL is not one of an ACME server");
  Directory directory;
  if (!take_url(object, "newNonce", true, directory.new_nonce) ||
      !take_url(object, "newAccount", true, directory.new_account) ||
      !take_url(object, "newOrder", true, directory.new_order) ||
      !take_url(object, "revokeCert", false, directory.revoke_certificate) ||
      !take_url(object, "renewalInfo", false, directory.renewal_info)) {
    return malformed("a directory without the URLs of newNonce, newAccount and newOrder");
  }
  take_meta(object, directory);
  return directory;
}

std::string Problem::to_string() const {
  if (type.empty() || detail.empty()) return type + detail;
  return type + ": " + detail;
}

Problem parse_problem(std::string_view json) {
  const Json object = object_in(json);
  if (!object.is_object()) return {};
  Problem problem = problem_in(object);
  // An order of several names has its reason in a subproblem.
  const auto parts = object.find("subproblems");
  if (parts == object.end() || !parts->is_array() || parts->empty()) return problem;
  if (!parts->front().is_object()) return problem;
  const Problem first = problem_in(parts->front());
  if (!first.detail.empty())
    problem.detail = for_people(problem.detail + " (" + first.detail + ")");
  return problem;
}

Result<Order> parse_order(std::string_view json) {
  const Json object = object_in(json);
  if (!object.is_object()) return malformed("no order");
  Order order;
  const auto status = status_in(object, kOrderNames);
  const auto listed = object.find("authorizations");
  if (!status || listed == object.end() || !listed->is_array() || listed->size() > kMaxListed ||
      !take_url(object, "finalize", true, order.finalize) ||
      !take_url(object, "certificate", false, order.certificate)) {
    return malformed("an order that is not well-formed");
  }
  order.status = *status;
  order.problem = problem_of(object);
  for (const Json& one : *listed) {
    const auto* const text = one.get_ptr<const std::string*>();
    if (text == nullptr || !is_https_url(*text)) return malformed("an authorization without a URL");
    order.authorizations.push_back(*text);
  }
  return order;
}

Result<Authorization> parse_authorization(std::string_view json) {
  const Json object = object_in(json);
  if (!object.is_object()) return malformed("no authorization");
  Authorization authorization;
  const auto status = status_in(object, kAuthorizationNames);
  const auto identifier = object.find("identifier");
  const auto listed = object.find("challenges");
  const std::string* const name = identifier != object.end() && identifier->is_object()
                                      ? text_in(*identifier, "value")
                                      : nullptr;
  if (!status || name == nullptr || name->size() > kMaxUrl || listed == object.end() ||
      !listed->is_array() || listed->size() > kMaxListed) {
    return malformed("an authorization that is not well-formed");
  }
  authorization.status = *status;
  authorization.name = for_people(*name);
  std::ranges::transform(authorization.name, authorization.name.begin(), ascii::to_lower);
  for (const Json& one : *listed) {
    if (auto challenge = challenge_in(one))
      authorization.challenges.push_back(std::move(*challenge));
  }
  return authorization;
}

Result<RenewalWindow> parse_renewal_window(std::string_view json) {
  const Json object = object_in(json);
  const auto window = object.is_object() ? object.find("suggestedWindow") : object.end();
  if (!object.is_object() || window == object.end() || !window->is_object())
    return malformed("no renewal information");
  const std::string* const start = text_in(*window, "start");
  const std::string* const end = text_in(*window, "end");
  const auto from = start != nullptr ? parse_rfc3339(*start) : std::nullopt;
  const auto until = end != nullptr ? parse_rfc3339(*end) : std::nullopt;
  if (!from || !until || *until <= *from) return malformed("an empty or malformed renewal window");
  RenewalWindow found{.start = *from, .end = *until, .explanation = {}};
  if (const std::string* const why = text_in(object, "explanationURL"))
    found.explanation = for_people(*why);
  return found;
}

bool is_https_url(const std::string& text) {
  constexpr std::string_view kScheme = "https://";
  if (text.size() > kMaxUrl || !text.starts_with(kScheme)) return false;
  const std::string_view place(text.data() + kScheme.size(), text.size() - kScheme.size());
  if (place.substr(0, place.find('/')).find('@') != place.npos) return false;  // a user
  const auto url = Url::parse(text);
  return url && !url->host().empty();
}

bool is_token(std::string_view text) noexcept {
  return text.size() >= kMinToken && text.size() <= kMaxToken &&
         std::ranges::all_of(text, [](char c) {
           return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '_';
         });
}

}  // namespace onehop::acme
