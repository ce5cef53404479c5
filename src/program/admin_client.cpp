// SPDX-License-Identifier: Apache-2.0
#include "program/admin_client.hpp"

#include <onehop/testing.hpp>
#include <onehop/transport.hpp>

#include "config/admin_socket.hpp"
#include "config/commands.hpp"
#include "io/file_descriptor.hpp"
#include "net/address.hpp"
#include "observe/action_pages.hpp"
#include "observe/log.hpp"
#include "program/output.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace onehop::program {
namespace {

constexpr std::size_t kMaxAnswer = 64UL * 1024 * 1024;

using config::Command;
using config::Configuration;

struct Answer {
  int status = 0;
  std::string content;
};

bool has_flag(const Configuration& configuration, std::string_view name) {
  return std::ranges::find(configuration.command_flags, name) != configuration.command_flags.end();
}

// Returns why the arguments of the command are wrong, or "".
std::string why_wrong(const Configuration& configuration) {
  const auto& words = configuration.command_words;
  const bool has_level = configuration.command == Command::log_level;
  if (words.size() > (has_level ? 1U : 0U)) {
    return "onehop " + std::string(config::word_of(configuration.command)) + ": remove '" +
           words.back() + "'";
  }
  if (!has_level) return {};
  if (!words.empty() && observe::log_level_named(words.front())) return {};
  return "onehop log-level: name a level: debug, info, warning or error";
}

// A socket on which a process listens.
struct Place {
  std::string path;
  pid_t process = 0;  // 0 if unknown

  std::string to_string() const {
    return process == 0 ? path : path + " (process " + std::to_string(process) + ")";
  }
};

// Returns std::nullopt if no process listens there; the last one may have been killed.
std::optional<Place> live_place(const std::string& path) {
  const auto address = net::Address::from_socket_path(path);
  if (!address) return std::nullopt;
  // Does not block: a full queue means that a process listens.
  const io::FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool is_connected = ::connect(socket.get(), address->data(), address->size()) == 0;
  if (!is_connected && (errno == ECONNREFUSED || errno == ENOENT || errno == ENOTDIR)) {
    return std::nullopt;
  }
  Place place{.path = path};
  ucred peer{};
  socklen_t size = sizeof peer;
  if (is_connected && ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
    place.process = peer.pid;
  }
  return place;
}

// Returns the admin sockets at the default paths on which a process listens.
std::vector<Place> live_places() {
  std::vector<Place> places;
  for (const std::string& path : config::known_admin_sockets()) {
    const bool is_known = std::ranges::any_of(
        places, [&path](const Place& place) { return config::is_same_file(place.path, path); });
    if (is_known) continue;
    if (auto place = live_place(path)) places.push_back(std::move(*place));
  }
  return places;
}

std::unexpected<Error> unusable(std::string why) {
  return failure(Errc::bad_option, Side::local, std::move(why));
}

// Returns the socket that receives the command.
Result<Place> find_place(const Configuration& configuration) {
  const std::string& given = configuration.admin.socket;
  const bool is_given = given != "auto" && given != "off";
  if (is_given) return Place{.path = given};
  const std::vector<Place> places = given == "off" ? std::vector<Place>() : live_places();
  if (places.size() == 1) return places.front();
  if (places.empty()) {
    return unusable(
        "there is no admin socket. If onehop runs, name its socket with --admin-socket PATH; its "
        "log has the path");
  }
  std::string names;
  for (const Place& place : places)
    names += (names.empty() ? "" : ", ") + place.to_string();
  return unusable("more than one onehop runs: " + names +
                  "; name the socket of one with --admin-socket PATH");
}

Request request_for(const Configuration& configuration, const Url& socket) {
  const bool is_status = configuration.command == Command::status;
  const bool is_json = has_flag(configuration, "json");
  std::string path = "/" + std::string(config::word_of(configuration.command));
  if (is_status && !is_json) path = has_flag(configuration, "requests") ? "/requests" : "/";
  Request request(is_status ? Method::get : Method::post,
                  Url::parse_target(path).value().resolved_below(socket));
  request.set_host("localhost");
  request.headers().set("Accept", is_json ? "application/json" : "text/plain");
  if (!configuration.command_words.empty())
    request.set_body(Body::of(configuration.command_words.front()));
  return request;
}

task<Result<Answer>> ask(std::shared_ptr<const Transport> transport, Request request) {
  auto asking = transport->round_trip(std::move(request));
  auto response = co_await std::move(asking);
  if (!response) co_return failure(response.error());
  auto reading = response->body().read_all(kMaxAnswer);
  auto content = co_await std::move(reading);
  if (!content) co_return failure(content.error());
  co_return Answer{.status = response->status().code(), .content = std::move(*content)};
}

// Prints the result followed by `where`, which is "" if the caller has named the socket.
int print_result(const Answer& answer, const std::string& where) {
  const auto result = observe::action_result_from(answer.content);
  if (!result) {
    observe::print_error("the running onehop responded with " + std::to_string(answer.status) +
                         ": " + answer.content);
    return kRunTimeFailure;
  }
  std::string text;
  for (const std::string& finding : result->findings)
    text += finding + (finding.ends_with('\n') ? "" : "\n");
  const int code = print(text);
  if (!result->done) {
    observe::print_error(result->summary + where);
    return kRunTimeFailure;
  }
  return print(result->summary + where + "\n") == 0 ? code : kRunTimeFailure;
}

int print_answer(const Configuration& configuration, const Answer& answer, const Place& place) {
  const bool is_well = answer.status == Status::ok.code();
  const bool is_status = configuration.command == Command::status && is_well;
  if (!is_status && !has_flag(configuration, "json")) {
    const bool is_found = configuration.admin.socket == "auto";
    return print_result(answer, is_found ? "; by " + place.to_string() : "");
  }
  const int code = print(answer.content);
  return is_well ? code : kRunTimeFailure;
}

Result<Url> url_of(const Place& place) {
  auto socket = Url::parse("unix:" + place.path);
  if (socket) return socket;
  return unusable("--admin-socket " + place.path + ": " + std::string(socket.error().detail()));
}

Result<Answer> send(Request request) {
  Transport::Options options;
  options.connect_timeout = std::chrono::seconds(5);
  return testing::run(
      ask(std::make_shared<const Transport>(std::move(options)), std::move(request)));
}

std::string no_response(const Place& place, const Error& error) {
  return "no onehop responds at " + place.path + ": " + error.to_string();
}

}  // namespace

int run_admin_command(const Configuration& configuration) {
  if (const std::string why = why_wrong(configuration); !why.empty()) {
    observe::print_error(why);
    return kUsageFailure;
  }
  const auto place = find_place(configuration);
  const auto socket = place ? url_of(*place) : Result<Url>(failure(place.error()));
  if (!socket) {
    observe::print_error(socket.error().detail());
    return kRunTimeFailure;
  }
  const auto answer = send(request_for(configuration, *socket));
  if (answer) return print_answer(configuration, *answer, *place);
  observe::print_error(no_response(*place, answer.error()));
  return kRunTimeFailure;
}

Result<std::string> read_admin_page(const Configuration& configuration, std::string_view path) {
  const auto place = find_place(configuration);
  if (!place) return failure(place.error());
  const auto socket = url_of(*place);
  if (!socket) return failure(socket.error());
  Request request(Method::get, Url::parse_target(path).value().resolved_below(*socket));
  request.set_host("localhost");
  auto answer = send(std::move(request));
  if (!answer) return unusable(no_response(*place, answer.error()));
  if (answer->status == Status::ok.code()) return std::move(answer->content);
  return unusable("the running onehop responded with " + std::to_string(answer->status));
}

}  // namespace onehop::program
