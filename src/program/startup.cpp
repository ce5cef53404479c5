// SPDX-License-Identifier: Apache-2.0
#include "program/startup.hpp"

#include "config/secrets.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace onehop::program {
namespace {

constexpr std::chrono::milliseconds kFindingPatience(1000);
constexpr std::chrono::milliseconds kConnectPatience(800);

// Shared with the detached lookup; the last user frees it.
struct FirstProbe {
  std::mutex mutex;
  std::condition_variable_any found;
  std::optional<ProbeResult> result;
};

std::string target_line(const Url& backend, std::string_view about) {
  return "requests go to " + config::shown_url(backend) + std::string(about);
}

// Describes a backend that was not probed because the system refused a thread. The proxy serves
// anyway.
std::string not_looked_up(const std::system_error& error) {
  return std::string("; not probed: cannot start a thread: ") + error.code().message();
}

void report_backend(observe::Log& log,
                    const config::NamedBackend& backend,
                    const std::vector<std::string>& listeners,
                    const std::stop_token& stop) {
  const auto probe = std::make_shared<FirstProbe>();
  // Detached, because getaddrinfo(3) cannot be interrupted.
  std::thread([probe, backend] {
    ProbeResult result = probe_backend(backend, kConnectPatience);
    const std::scoped_lock lock(probe->mutex);
    probe->result = std::move(result);
    probe->found.notify_one();
  }).detach();
  std::unique_lock lock(probe->mutex);
  probe->found.wait_for(lock, stop, kFindingPatience, [&] { return probe->result.has_value(); });
  if (probe->result) {
    for (const ReportLine& line : backend_lines(backend.url, *probe->result, listeners))
      log.announce(line.text, line.level);
  } else if (!stop.stop_requested()) {
    log.announce(target_line(backend.url, ", whose name is still being looked up"));
  }
}

}  // namespace

std::string url_to_open(std::string_view scheme, const std::string& address) {
  static constexpr std::string_view kWildcards[] = {"0.0.0.0:", "[::]:"};
  if (address.starts_with("unix:")) return address;
  for (const std::string_view wildcard : kWildcards) {
    if (!address.starts_with(wildcard)) continue;
    return std::string(scheme) + "://localhost:" + address.substr(wildcard.size());
  }
  return std::string(scheme) + "://" + address;
}

std::string listening_line(const std::vector<std::string>& addresses) {
  std::string line = "listening on ";
  for (const std::string& address : addresses) {
    if (!line.ends_with(' ')) line += ", ";
    line += address;
  }
  return line;
}

std::vector<ReportLine> backend_lines(const Url& backend,
                                      const ProbeResult& probe,
                                      const std::vector<std::string>& listeners) {
  std::string about;
  for (const std::string& address : probe.addresses) {
    if (address == backend.host()) continue;
    about += about.empty() ? " (" : ", ";
    about += address;
  }
  if (!about.empty()) about += ")";
  const ReportLine target{LogLevel::info, target_line(backend, about)};
  if (leads_back_to(listeners, probe)) {
    return {target,
            {LogLevel::error, "the backend is this proxy itself (" + probe.reached +
                                  "): requests loop and get a 508"}};
  }
  if (probe.problem.empty()) {
    return {target, {LogLevel::info, "the backend accepts connections"}};
  }
  if (probe.is_inconclusive) {
    return {target, {LogLevel::warning, "the backend was not probed: " + probe.problem}};
  }
  return {target,
          {LogLevel::warning, "the backend does not accept connections yet: " + probe.problem}};
}

StartupReport::StartupReport(observe::Log& log,
                             const std::vector<std::string>& urls,
                             std::vector<std::string> listeners,
                             const std::vector<config::NamedBackend>& backends) {
  log.announce(listening_line(urls));
  const auto report = [&log, listeners = std::move(listeners),
                       backends](const std::stop_token& stop) {
    for (const config::NamedBackend& backend : backends) {
      try {
        report_backend(log, backend, listeners, stop);
      } catch (const std::system_error& error) {
        log.announce(target_line(backend.url, not_looked_up(error)));
      }
    }
  };
  try {
    prober_ = std::jthread(report);
  } catch (const std::system_error& error) {
    for (const config::NamedBackend& backend : backends)
      log.announce(target_line(backend.url, not_looked_up(error)));
  }
}

}  // namespace onehop::program
