// SPDX-License-Identifier: Apache-2.0
#include "program/upgrade.hpp"

#include "program/messages.hpp"

#include <exception>
#include <optional>
#include <string_view>

#include <unistd.h>

namespace onehop::program {
namespace {

// Applies separately to the check and to the start of the new process.
constexpr std::chrono::seconds kUpgradePatience(30);
// The interval at which a wait checks whether it should end.
constexpr std::chrono::milliseconds kLook(100);
constexpr const char* kStopping = "onehop is stopping";

using Clock = std::chrono::steady_clock;

std::unexpected<Error> refuse_upgrade(std::string why) {
  return failure(Errc::bad_option, Side::local, std::move(why));
}

std::string ended(const std::string& how) {
  return "the new process has ended before it served (" +
         (how.empty() ? std::string("exit code 0") : how) + ")";
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

Upgrade::Outcome Upgrade::run() {
  Outcome outcome;
  std::string why = obstacle();
  try {
    if (why.empty()) why = check(outcome.findings);
    if (why.empty()) {
      auto replaced = replace();
      if (replaced) return {.done = true, .summary = *replaced, .findings = outcome.findings};
      why = reason_of(replaced.error());
    }
  } catch (const std::exception& error) {
    why = error.what();
  }
  outcome.summary = "not upgraded, and nothing has changed: " + why;
  return outcome;
}

std::string Upgrade::obstacle() const {
  if (is_cancelled_) return kStopping;
  if (::getpid() == 1) {
    return "onehop is process 1, and its container would end with it: replace the container "
           "instead";
  }
  if (invocation_.program.empty()) return "the path of the program is not known: is /proc mounted?";
  return {};
}

std::string Upgrade::check(std::vector<std::string>& findings) const {
  ChildProcess::Options options{.program = invocation_.program,
                                .arguments = {"check"},
                                .environment = invocation_.environment,
                                .has_output = true};
  options.arguments.insert(options.arguments.end(), invocation_.arguments.begin(),
                           invocation_.arguments.end());
  auto child = ChildProcess::start(options);
  if (!child) return reason_of(child.error());
  const auto until = Clock::now() + kUpgradePatience;
  std::string output;
  while (!child->read_output(output, kLook) && Clock::now() < until)
    if (is_cancelled_) return kStopping;
  std::optional<std::string> how;
  while (!(how = child->wait(kLook)) && Clock::now() < until)
    if (is_cancelled_) return kStopping;
  if (!how) return "the new program did not finish its check";
  if (how->empty()) return {};
  findings = lines_of(output);
  return "the new program cannot use the settings (" + *how + ")";
}

// Calls `wait` repeatedly with a short patience, until it returns anything but Errc::timed_out, the
// upgrade is cancelled, or kUpgradePatience has passed.
template <class Wait>
auto Upgrade::wait_with(ChildProcess& child, const Wait& wait) const -> decltype(wait(Duration())) {
  const auto until = Clock::now() + kUpgradePatience;
  for (;;) {
    auto came = wait(kLook);
    if (came || !came.error().is(Errc::timed_out)) {
      // Without a last message, the reason is how the process ended.
      if (came || !came.error().is(Errc::closed)) return came;
      const auto how = child.wait(std::chrono::seconds(1));
      return refuse_upgrade(how ? ended(*how) : "the new process has refused to take over");
    }
    if (is_cancelled_) return refuse_upgrade(kStopping);
    if (Clock::now() >= until) {
      return refuse_upgrade("the new process did not serve within " +
                            std::to_string(kUpgradePatience.count()) + " s, and was stopped");
    }
  }
}

Result<std::string> Upgrade::replace() {
  auto ends = ProcessChannel::make();
  if (!ends) return failure(ends.error());
  ProcessChannel ours = std::move(ends->first);
  ProcessChannel theirs = std::move(ends->second);
  ChildProcess::Options options{.program = invocation_.program,
                                .arguments = invocation_.arguments,
                                .environment = invocation_.environment,
                                .inherited = theirs.descriptor()};
  options.environment.push_back(std::string(kUpgradeVariable) + "=" +
                                std::to_string(theirs.descriptor()));
  auto child = ChildProcess::start(options);
  if (!child) return failure(child.error());
  theirs = ProcessChannel();  // so that the end of the child is noticed
  const auto hello =
      wait_with(*child, [&ours](Duration patience) { return receive_hello(ours, patience); });
  if (!hello) return failure(hello.error());
  if (auto sent = send(ours, steps_.handover()); !sent) return failure(sent.error());
  auto ready =
      wait_with(*child, [&ours](Duration patience) { return receive_ready(ours, patience); });
  if (!ready) return failure(ready.error());
  const std::string process = std::to_string(child->id());
  if (auto given = give_way(*child, std::move(ours)); !given) return failure(given.error());
  return "process " + process + " of version " + hello->version + " has taken over";
}

// After the order, the new process serves beside this one, so a stop does not kill it, which would
// cut its connections. A process that stays silent for kUpgradePatience is killed nevertheless,
// with the connections that it may have: this process continues, and two would accept for ever.
Result<void> Upgrade::give_way(ChildProcess& child, ProcessChannel channel) {
  steps_.prepare();
  if (is_cancelled_) return refuse_upgrade(kStopping);
  // The service manager still accepts reports only from this process, so this process reports the
  // new one.
  steps_.announce(child.id());
  auto serves = send_go(channel);
  if (serves) serves = receive_serving(channel, kUpgradePatience);
  if (!serves) {
    steps_.announce(::getpid());
    if (!serves.error().is(Errc::closed)) return serves;
    const auto how = child.wait(std::chrono::seconds(1));
    return refuse_upgrade(how ? ended(*how) : "the new process has refused to serve");
  }
  const bool has_left = steps_.leave(std::move(channel));
  if (!has_left) child.terminate();  // the service stops, and the new process is the service
  child.let_go();
  if (!has_left) return refuse_upgrade(kStopping);
  return {};
}

}  // namespace onehop::program
