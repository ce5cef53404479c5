// SPDX-License-Identifier: Apache-2.0
#include "acme/renewal_state.hpp"

#include <algorithm>
#include <cstdint>

#include <nlohmann/json.hpp>

namespace onehop::acme {
namespace {

using Json = nlohmann::json;

constexpr unsigned kMaxFailures = 1'000'000;

void put(Json& json, const char* name, const std::optional<WallTime>& time) {
  if (time) json[name] = to_rfc3339(*time);
}

std::string short_text_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return {};
  const auto& text = found->get_ref<const std::string&>();
  return text.size() <= kMaxUrl ? text : std::string();
}

std::optional<WallTime> time_in(const Json& json, const char* name) {
  return parse_rfc3339(short_text_in(json, name));
}

}  // namespace

std::string RenewalState::to_json() const {
  Json json = Json::object();
  if (!authority.empty()) json["authority"] = authority;
  if (!certificate.empty()) json["certificate"] = certificate;
  put(json, "obtained", obtained);
  put(json, "renewAt", renew_at);
  put(json, "nextAdvice", next_advice);
  put(json, "lastAttempt", last_attempt);
  put(json, "nextAttempt", next_attempt);
  if (failures > 0) json["failures"] = failures;
  if (!problem.empty()) json["problem"] = problem;
  if (window) {
    json["window"] = {{"start", to_rfc3339(window->start)}, {"end", to_rfc3339(window->end)}};
    if (!window->explanation.empty()) json["window"]["explanation"] = window->explanation;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

RenewalState RenewalState::parse(std::string_view text) {
  RenewalState state;
  const Json json = Json::parse(text.substr(0, kMaxDocument), nullptr, false);
  if (!json.is_object()) return state;
  state.authority = short_text_in(json, "authority");
  state.certificate = short_text_in(json, "certificate");
  state.obtained = time_in(json, "obtained");
  state.renew_at = time_in(json, "renewAt");
  state.next_advice = time_in(json, "nextAdvice");
  state.last_attempt = time_in(json, "lastAttempt");
  state.next_attempt = time_in(json, "nextAttempt");
  state.problem = short_text_in(json, "problem");
  const auto failures = json.find("failures");
  if (failures != json.end() && failures->is_number_unsigned()) {
    state.failures = static_cast<unsigned>(
        std::min<std::uint64_t>(failures->get<std::uint64_t>(), kMaxFailures));
  }
  const auto window = json.find("window");
  if (window == json.end() || !window->is_object()) return state;
  const auto start = time_in(*window, "start");
  const auto end = time_in(*window, "end");
  if (start && end && *start < *end)
    state.window = RenewalWindow{*start, *end, short_text_in(*window, "explanation")};
  return state;
}

}  // namespace onehop::acme
