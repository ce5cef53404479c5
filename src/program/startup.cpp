// SPDX-License-Identifier: Apache-2.0
#include "program/startup.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include <unistd.h>

namespace onehop::program {
namespace {

constexpr std::chrono::milliseconds kPatience(1000);
constexpr std::chrono::milliseconds kConnectPatience(800);

// One write for each text, so that lines of other threads do not cut it in two.
void say(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// What the detached lookup leaves behind; whoever is last frees it.
struct Finding {
  std::mutex mutex;
  std::condition_variable_any found;
  std::optional<ProbeResult> result;
};

std::string target_line(const Url& backend, std::string_view about) {
  return "onehop: to " + backend.to_string() + std::string(about) + "\n";
}

void report_backend(const Url& backend, const std::stop_token& stop) {
  const auto finding = std::make_shared<Finding>();
  // Detached, because nothing can interrupt getaddrinfo(3).
  std::thread([finding, backend] {
    ProbeResult result = probe_backend(backend, kConnectPatience);
    const std::scoped_lock lock(finding->mutex);
    finding->result = std::move(result);
    finding->found.notify_one();
  }).detach();
  std::unique_lock lock(finding->mutex);
  finding->found.wait_for(lock, stop, kPatience, [&] { return finding->result.has_value(); });
  if (finding->result) {
    say(backend_lines(backend, *finding->result));
  } else if (!stop.stop_requested()) {
    say(target_line(backend, ", whose name is still being looked up"));
  }
}

}  // namespace

std::string listening_line(const std::vector<std::string>& addresses) {
  std::string line = "onehop: listening on ";
  for (const std::string& address : addresses) {
    if (!line.ends_with(' ')) line += ", ";
    const bool has_scheme = address.find("://") != std::string::npos;
    if (!has_scheme && !address.starts_with("unix:")) line += "http://";
    line += address;
  }
  return line + "\n";
}

std::string backend_lines(const Url& backend, const ProbeResult& probe) {
  std::string about;
  for (const std::string& address : probe.addresses) {
    if (address == backend.host()) continue;
    about += about.empty() ? " (" : ", ";
    about += address;
  }
  if (!about.empty()) about += ")";
  if (probe.problem.empty()) {
    return target_line(backend, about) + "onehop: the backend accepts connections\n";
  }
  return target_line(backend, about) +
         "onehop: warning: the backend does not answer yet: " + probe.problem + "\n";
}

StartupReport::StartupReport(const std::vector<std::string>& addresses, const Url& backend) {
  say(listening_line(addresses));
  prober_ = std::jthread([backend](const std::stop_token& stop) { report_backend(backend, stop); });
}

}  // namespace onehop::program
